"""The permit inquiry on a phone: its manifest, its worker, and the page for want of a network.

All three are made once at the start. The worker is one file: what it keeps of the pages' looks is
named in it by content, and the page that it shows without a network is in it, so an update brings
all of it or nothing.
"""

import json
from hashlib import sha256
from typing import Any

from portal.i18n import Speech
from portal.web.assets import Assets, WellKnown
from portal.web.gate import content_policy, permissions_policy
from portal.web.pages import Pages

BASE = "/permits"
KEPT = f"{BASE}/kept"
SCAN = f"{BASE}/scan"
_SHELL = ("portal.css", "icons.svg", "permits.svg", "permits.js")
"""What a page without a network looks like and does."""
_GROUND, _MAST = "#faf7f0", "#0a474a"
_SIZES = (192, 512)


def page(pages: Pages, speech: Speech) -> bytes:
    """The page of what is kept on the phone; the same for everyone, and the one shown offline."""
    return pages.page_of_nobody("permits/on_phone.html", speech, base=f"{speech.prefix}{BASE}")


def worker(speech: Speech, assets: Assets, pages: Pages) -> WellKnown:
    """The service worker of one language: its program with what it needs put before it."""
    script = assets.find(assets.address("permits-worker.js"))
    if script is None:  # pragma: no cover - the address is from the same assets
        raise LookupError("permits-worker.js")
    html = page(pages, speech)
    files = [assets.address(name) for name in _SHELL]
    program = script.bodies[""]
    shell = {
        "cache": f"permits-{speech.locale}-",
        "version": sha256(b"".join([html, program, *map(str.encode, files)])).hexdigest()[:12],
        "files": files,
        "list": f"{speech.prefix}{KEPT}",
        "page": html.decode(),
        "headers": {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": content_policy(installable=True),
            "permissions-policy": permissions_policy(),
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
        },
    }
    text = f"const SHELL={json.dumps(shell, ensure_ascii=False)};\n".encode() + program
    return WellKnown(f"{speech.prefix}/permits-worker.js", "text/javascript; charset=utf-8", text)


def manifest(speech: Speech, assets: Assets) -> WellKnown:
    """The web app manifest in one language (W3C Web Application Manifest)."""
    _, base = speech.gettext, f"{speech.prefix}{BASE}"
    icons: list[dict[str, Any]] = [
        _icon(assets, f"permits-{size}.png", f"{size}x{size}") for size in _SIZES
    ]
    icons.append({**_icon(assets, "permits-maskable.png", "512x512"), "purpose": "maskable"})
    icons.append({"src": assets.address("permits.svg"), "sizes": "any", "type": "image/svg+xml"})
    told = {
        "id": base,
        "name": _("Building permits"),
        "short_name": _("Permits"),
        "description": _("Whether a building permit is valid, and what it allows."),
        "lang": speech.locale,
        "dir": speech.direction,
        "start_url": base,
        "scope": base,
        "display": "standalone",
        "theme_color": _MAST,
        "background_color": _GROUND,
        "categories": ["government", "utilities"],
        "icons": icons,
        "shortcuts": [
            {"name": _("Scan the code on the sign"), "url": f"{speech.prefix}{SCAN}"},
            {"name": _("Kept on this phone"), "url": f"{speech.prefix}{KEPT}"},
        ],
    }
    content = json.dumps(told, ensure_ascii=False).encode()
    return WellKnown(f"{base}.webmanifest", "application/manifest+json", content)


def _icon(assets: Assets, name: str, sizes: str) -> dict[str, str]:
    return {"src": assets.address(name), "sizes": sizes, "type": "image/png"}
