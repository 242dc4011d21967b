"""Settings: what is wrong stops the start and is named; production takes nothing of the demo's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.settings import DEMO_API_KEY, DEMO_WEBHOOK_SECRET, BadSetting, read_settings

KEY = "k" * 32


@pytest.fixture
def demo(tmp_path: Path) -> dict[str, str]:
    return {"PORTAL_VAR": str(tmp_path)}


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    return {
        "PORTAL_MODE": "production",
        "PORTAL_VAR": str(tmp_path),
        "PORTAL_PUBLIC_URL": "https://mahalliyat.example.eg",
        "PORTAL_DATABASE_URL": "postgresql://portal@db/portal",
        "PORTAL_PAYMENTS_BASE_URL": "https://api.stripe.com",
        "PORTAL_PAYMENTS_API_KEY": "sk_live_1",
        "PORTAL_PAYMENTS_WEBHOOK_SECRET": "whsec_" + "l" * 32,
        "PORTAL_SMS_URL": "https://sms.example.eg/send",
        "PORTAL_MAIL_URL": "smtps://mail.example.eg",
        "PORTAL_SECRET_KEYS": KEY,
    }


def test_an_empty_environment_is_the_demo(demo: dict[str, str], tmp_path: Path) -> None:
    settings = read_settings(demo)
    assert settings.demo
    assert (settings.host, settings.port, settings.sandbox_port) == ("127.0.0.1", 8000, 8010)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.database_url == f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    assert settings.files_dir == tmp_path / "files"
    assert settings.payments_base_url == "http://127.0.0.1:8010"
    assert settings.payments_checkout_origin == "http://127.0.0.1:8010"
    assert settings.payments_api_key == DEMO_API_KEY
    assert (settings.sms_url, settings.mail_url) == ("sandbox:", "sandbox:")
    assert not settings.secure


def test_the_demo_makes_a_key_once_that_only_its_owner_reads(
    demo: dict[str, str], tmp_path: Path
) -> None:
    first = read_settings(demo).secret_keys
    assert len(first) == 1
    assert len(first[0]) >= 32
    assert read_settings(demo).secret_keys == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_the_ports_of_the_demo_shape_its_addresses(demo: dict[str, str]) -> None:
    ports = {"PORTAL_PORT": "9000", "PORTAL_SANDBOX_PORT": "9010"}
    settings = read_settings({**demo, **ports})
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.payments_base_url == "http://127.0.0.1:9010"


def test_production_starts_with_everything_given(production: dict[str, str]) -> None:
    settings = read_settings(production)
    assert not settings.demo
    assert settings.secure
    assert settings.database_url == "postgresql+psycopg://portal@db/portal"
    assert settings.payments_checkout_origin == "https://checkout.stripe.com"
    assert settings.secret_keys == (KEY,)


def test_an_address_is_kept_as_an_origin(production: dict[str, str]) -> None:
    settings = read_settings(
        {**production, "PORTAL_PUBLIC_URL": "https://mahalliyat.example.eg:8443/path/?x=1"}
    )
    assert settings.public_url == "https://mahalliyat.example.eg:8443"


def test_keys_are_separated_by_commas_or_spaces(production: dict[str, str]) -> None:
    other = "o" * 40
    for text in (f"{KEY},{other}", f"{KEY} {other}", f" {KEY}\n,{other} "):
        keys = read_settings({**production, "PORTAL_SECRET_KEYS": text}).secret_keys
        assert keys == (KEY, other)


WRONG = [
    ("PORTAL_MODE", "test"),
    ("PORTAL_MODE", "Production"),
    ("PORTAL_PORT", "0"),
    ("PORTAL_PORT", "65536"),
    ("PORTAL_PORT", "http"),
    ("PORTAL_PORT", "-1"),
    ("PORTAL_PORT", "٨٠٠٠"),
    ("PORTAL_SANDBOX_PORT", "80 10"),
    ("PORTAL_SANDBOX_PORT", "8000"),
    ("PORTAL_TRUSTED_PROXIES", "11"),
    ("PORTAL_TRUSTED_PROXIES", "yes"),
    ("PORTAL_PUBLIC_URL", "mahalliyat.example.eg"),
    ("PORTAL_PUBLIC_URL", "ftp://mahalliyat.example.eg"),
    ("PORTAL_PUBLIC_URL", "https://"),
    ("PORTAL_PUBLIC_URL", "https://["),
    ("PORTAL_PUBLIC_URL", "https://mahalliyat.example.eg:99999"),
    ("PORTAL_PUBLIC_URL", "https://portal:hunter2@mahalliyat.example.eg"),
    ("PORTAL_PUBLIC_URL", "https://محليات.مصر"),
    ("PORTAL_PAYMENTS_BASE_URL", "api.stripe.com"),
    ("PORTAL_PAYMENTS_BASE_URL", "https://key:hunter2@pay.example.eg"),
    ("PORTAL_PAYMENTS_CHECKOUT_ORIGIN", "https://pay.example.eg;script-src *"),
    ("PORTAL_PAYMENTS_CHECKOUT_ORIGIN", "https://*"),
    ("PORTAL_PAYMENTS_CHECKOUT_ORIGIN", "javascript:alert(1)"),
    ("PORTAL_DATABASE_URL", "mysql://db/portal"),
    ("PORTAL_DATABASE_URL", "portal.sqlite3"),
    ("PORTAL_DATABASE_URL", "sqlite:portal.sqlite3"),
    ("PORTAL_DATABASE_URL", "sqlite"),
    ("PORTAL_DATABASE_URL", "postgresql"),
    ("PORTAL_DATABASE_URL", "postgresql://"),
    ("PORTAL_QUEUE_URL", "amqp://queue"),
    ("PORTAL_QUEUE_URL", "nats://"),
    ("PORTAL_QUEUE_URL", "nats://queue:99999"),
    ("PORTAL_QUEUE_URL", "nats://queue,tls://other"),
    ("PORTAL_QUEUE_CA", "/nowhere/ca.pem"),
    ("PORTAL_QUEUE_REPLICAS", "0"),
    ("PORTAL_WEBHOOKS_CA", "/nowhere/ca.pem"),
    ("PORTAL_WEBHOOKS_CA", __file__),
    ("PORTAL_WEBHOOKS_LOOPBACK", "yes"),
    ("PORTAL_WEBHOOKS_PROXY", "proxy.example:3128"),
    ("PORTAL_WEBHOOKS_PROXY", "https://proxy.example:3128"),
    ("PORTAL_WEBHOOKS_PROXY", "http://proxy.example"),
    ("PORTAL_WEBHOOKS_PROXY", "http://proxy.example:99999"),
    ("PORTAL_FILES_URL", "s3://bucket"),
    ("PORTAL_SMS_URL", "ftp://sms"),
    ("PORTAL_SMS_URL", "sandbox"),
    ("PORTAL_SMS_URL", "https:"),
    ("PORTAL_SMS_URL", "https://["),
    ("PORTAL_MAIL_URL", "smtp:"),
    ("PORTAL_MAIL_URL", "https://mail"),
    ("PORTAL_SECRET_KEYS", "short"),
    ("PORTAL_SECRET_KEYS", f"{KEY},short"),
    ("PORTAL_SECRET_KEYS", f"{KEY},{KEY}"),
    ("PORTAL_SECRET_KEYS", f"{KEY},"),
]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BadSetting, match=r"^PORTAL_VAR: .*file"):
        read_settings({"PORTAL_VAR": str(tmp_path / "file")})


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named(demo: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings({**demo, name: value})
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_SECRET_KEYS", "hunter2"),
        ("PORTAL_DATABASE_URL", "mysql://portal:hunter2@db/portal"),
        ("PORTAL_SMS_URL", "ftp://portal:hunter2@sms"),
        ("PORTAL_PUBLIC_URL", "https://portal:hunter2@mahalliyat.example.eg"),
        ("PORTAL_MAIL_URL", "https://portal:hunter2@mail"),
    ],
)
def test_no_complaint_repeats_a_secret(demo: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings({**demo, name: value})
    assert "hunter2" not in str(caught.value)


def test_a_key_file_that_somebody_emptied_is_told_and_not_replaced(
    demo: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(BadSetting, match="secret_key is empty"):
        read_settings(demo)
    assert (tmp_path / "secret_key").read_bytes() == b""


def test_two_first_starts_agree_on_one_key(demo: dict[str, str], tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starts:
        keys = set(starts.map(lambda _: read_settings(demo).secret_keys, range(8)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    "name",
    [
        "PORTAL_PUBLIC_URL",
        "PORTAL_DATABASE_URL",
        "PORTAL_PAYMENTS_BASE_URL",
        "PORTAL_PAYMENTS_API_KEY",
        "PORTAL_PAYMENTS_WEBHOOK_SECRET",
        "PORTAL_SMS_URL",
        "PORTAL_MAIL_URL",
        "PORTAL_SECRET_KEYS",
    ],
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_production_guesses_nothing(
    production: dict[str, str], name: str, value: str | None
) -> None:
    given = {k: v for k, v in production.items() if k != name}
    with pytest.raises(BadSetting) as caught:
        read_settings(given if value is None else {**given, name: value})
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_PUBLIC_URL", "http://mahalliyat.example.eg"),
        ("PORTAL_PUBLIC_URL", "http://127.0.0.1:8000"),
        ("PORTAL_DATABASE_URL", "sqlite:///var/portal.sqlite3"),
        ("PORTAL_PAYMENTS_API_KEY", DEMO_API_KEY),
        ("PORTAL_PAYMENTS_API_KEY", "sk_test_123"),
        ("PORTAL_PAYMENTS_API_KEY", "rk_test_123"),
        ("PORTAL_PAYMENTS_BASE_URL", "http://127.0.0.1:8010"),
        ("PORTAL_PAYMENTS_CHECKOUT_ORIGIN", "http://127.0.0.1:8010"),
        ("PORTAL_PAYMENTS_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET),
        ("PORTAL_PAYMENTS_WEBHOOK_SECRET", "whsec_test"),
        ("PORTAL_SMS_URL", "sandbox:"),
        ("PORTAL_SMS_URL", "http://sms.example.eg/send"),
        ("PORTAL_MAIL_URL", "sandbox:"),
    ],
)
def test_production_refuses_every_value_of_the_demo(
    production: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings({**production, name: value})
    assert str(caught.value).startswith(f"{name}: ")


def test_production_writes_no_key_of_its_own(production: dict[str, str], tmp_path: Path) -> None:
    read_settings(production)
    assert list(tmp_path.iterdir()) == []
