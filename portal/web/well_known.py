"""What search engines and browsers ask for at addresses of their own choice.

Made once at the start from the catalogue and the files of ``portal/static``, and answered by the
gate like any static file.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from portal.web.assets import STATIC_DIR, Assets, WellKnown
from portal.web.on_phone import manifest, worker
from portal.web.parts import Portal

# What is somebody's own, of machines, or an endless number of sums: in both languages
_PRIVATE = (
    "/drafts/",
    "/requests",
    "/sign-in",
    "/sign-out",
    "/services/*/apply",
    "/services/*/fees",
    "/center",
    "/verify/",
    "/permits/",
    "/sandbox/",
)
_OF_MACHINES = ("/webhooks/", "/health/", "/metrics")
_SITEMAP, _XHTML = "http://www.sitemaps.org/schemas/sitemap/0.9", "http://www.w3.org/1999/xhtml"
_ICONS = (
    ("/favicon.ico", "image/x-icon", "favicon.ico"),
    ("/apple-touch-icon.png", "image/png", "touch.png"),
)


def well_known(portal: Portal, assets: Assets) -> Iterator[WellKnown]:
    site = portal.settings.public_url
    yield WellKnown("/robots.txt", "text/plain; charset=utf-8", _robots(site).encode())
    yield WellKnown("/sitemap.xml", "application/xml", _sitemap(portal, site).encode())
    for path, media_type, name in _ICONS:
        yield WellKnown(path, media_type, (STATIC_DIR / name).read_bytes())
    for speech in portal.languages.pair:
        yield manifest(speech, assets)
        yield worker(speech, assets, portal.pages)


def _robots(site: str) -> str:
    closed = [f"{prefix}{path}" for prefix in ("", "/en") for path in _PRIVATE]
    lines = [f"Disallow: {path}" for path in (*closed, *_OF_MACHINES)]
    # «/center» is of staff; the centers' page is for everyone
    lines += [f"Allow: {prefix}/centers" for prefix in ("", "/en")]
    return "\n".join(["User-agent: *", *lines, "", f"Sitemap: {site}/sitemap.xml", ""])


def public_paths(portal: Portal) -> Iterator[str]:
    """The pages that anyone may find: each exists in both languages."""
    yield from ("/", "/services")
    for family in portal.catalogue.families:
        yield f"/services?family={family}"
    for service in portal.catalogue.services:
        yield f"/services/{service}"
    yield "/guides"
    for guide in portal.catalogue.guides:
        yield f"/guides/{guide}"
    yield from ("/centers", "/track", "/help", "/privacy", "/accessibility")


def _sitemap(portal: Portal, site: str) -> str:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<urlset xmlns="{_SITEMAP}" xmlns:xhtml="{_XHTML}">',
    ]
    for path in public_paths(portal):
        addresses = {s.locale: escape(f"{site}{s.prefix}{path}") for s in portal.languages.pair}
        others = {**addresses, "x-default": addresses["ar"]}
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{locale}" href="{address}"/>'
            for locale, address in others.items()
        )
        lines += [f"<url><loc>{address}</loc>{links}</url>" for address in addresses.values()]
    return "\n".join([*lines, "</urlset>", ""])
