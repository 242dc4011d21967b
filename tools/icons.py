"""Makes the pictures that others show of the portal: ``.venv/bin/python -m tools.icons``.

The icons of a telephone's home screen and of old browsers, those of the permit inquiry, and the
picture beside a shared link, one for each language. Drawn by Chromium (after ``./dev test``), which
joins Arabic letters as they are written; the words are those of the pages.
"""

import io
from base64 import b64encode
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from portal.i18n import Languages, Speech
from tests.support.phone import launch

STATIC = Path(__file__).parents[1] / "portal" / "static"
TOUCH, SHARED = 180, (1200, 630)
_COLOURS = 64  # flat colours: a palette keeps each picture below 30 kB
_FEW_COLOURS = 8  # three, and their edges


def main() -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": SHARED[0], "height": SHARED[1]})
        icon = _square(page, "emblem.svg")
        icon.resize((TOUCH, TOUCH), Image.Resampling.LANCZOS).quantize(_COLOURS).save(
            STATIC / "touch.png", optimize=True
        )
        icon.save(STATIC / "favicon.ico", sizes=[(16, 16), (32, 32), (48, 48)])
        _inquiry(page)
        for speech in Languages().pair:
            page.set_content(_card(speech))
            page.evaluate("() => document.fonts.ready")
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            target = STATIC / f"shared-{speech.locale}.png"
            shot.quantize(_COLOURS).save(target, optimize=True)
        browser.close()


def _square(page: Page, name: str, view: str = "0 0 64 64") -> Image.Image:
    """A drawing to its edges: systems round the corners themselves.

    A ``view`` that is larger than the drawing has more ground around it.
    """
    square = (STATIC / name).read_text("utf-8").replace('rx="12"', "")
    square = square.replace('viewBox="0 0 64 64"', f'viewBox="{view}"')
    style = "body{margin:0;background:#0a474a}svg{width:512px;display:block}"
    page.set_content(f"<style>{style}</style>{square}")
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": 512, "height": 512})
    return Image.open(io.BytesIO(shot)).convert("RGB")


def _inquiry(page: Page) -> None:
    """The icons of the permit inquiry; of one that is cut to any shape four fifths are safe."""
    icon = _square(page, "permits.svg", "-4 -4 72 72")
    for size, name in ((192, "permits-192"), (512, "permits-512"), (TOUCH, "permits-touch")):
        _save(icon.resize((size, size), Image.Resampling.LANCZOS), name)
    _save(_square(page, "permits.svg", "-14 -14 92 92"), "permits-maskable")


def _save(icon: Image.Image, name: str) -> None:
    icon.quantize(_FEW_COLOURS).save(STATIC / f"{name}.png", optimize=True)


def _card(speech: Speech) -> str:
    font = b64encode((STATIC / "fonts" / "mahalli-arabic.woff2").read_bytes()).decode()
    _ = speech.gettext
    return f"""<!doctype html><html lang="{speech.locale}" dir="{speech.direction}"><style>
@font-face {{ font-family: M; font-weight: 400 700; src: url(data:font/woff2;base64,{font}) }}
body {{ margin: 0; block-size: 630px; background: #0a474a; color: #fff; font-family: M, sans-serif;
  display: flex; align-items: center; box-sizing: border-box; padding: 0 90px 40px; gap: 64px }}
body::after {{ content: ""; position: fixed; inset: auto 0 0; block-size: 42px;
  background: linear-gradient(#c2752a 33.3%, #ecd9b6 33.3% 66.6%, #c2752a 66.6%) }}
svg {{ inline-size: 260px; flex: none }}
h1 {{ font-size: 76px; line-height: 1.35; margin: 0 }}
p {{ font-size: 38px; line-height: 1.6; margin: 18px 0 0; color: #d5e9e6 }}
</style>{(STATIC / "emblem.svg").read_text("utf-8")}<div><h1>{_("Local services portal")}</h1>
<p>{_("Apply from your phone, pay, and follow your request until the document is issued.")}</p>
</div></html>"""


if __name__ == "__main__":
    main()
