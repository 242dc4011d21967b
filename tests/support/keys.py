"""Somebody with a keyboard and nothing else: Tab, arrows, Space, Enter and letters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

# What stands under the focus, and whether it can be seen that it does: an outline of two pixels or
# more, on the control itself or on the label or button that stands for a hidden one.
_HERE = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const drawn = (o) => {
    if (!o) return false;
    const style = getComputedStyle(o), box = o.getBoundingClientRect();
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
      && box.width > 4 && box.height > 4
      && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  };
  return {
    tag: e.tagName, type: e.type || "", name: e.name || "", value: e.value || "", id: e.id,
    primary: e.hasAttribute("data-primary"), href: e.getAttribute("href") || "",
    text: e.textContent.trim(), checked: !!e.checked, action: e.form ? e.form.action : "",
    seen: drawn(e) || (e.labels ? [...e.labels].some(drawn) : false)
      || drawn(e.nextElementSibling && e.matches(".vh") ? e.nextElementSibling : null),
    html: e.outerHTML.slice(0, 160),
  };
}"""
_LIMIT = 200


@dataclass
class Keys:
    """Hands on the keyboard of one page; every stop of the focus must be seen."""

    page: Page
    unseen: list[str] = field(default_factory=list)

    def here(self) -> dict[str, Any]:
        """What has the focus; nothing when it is lost."""
        found: dict[str, Any] | None = self.page.evaluate(_HERE)
        return found or {}

    def tab(self) -> dict[str, Any]:
        """One step on."""
        self.page.keyboard.press("Tab")
        found = self.here()
        if found and not found["seen"]:
            self.unseen.append(f"{self.page.url}: {found['html']}")
        return found

    def to(self, **wanted: Any) -> dict[str, Any]:
        """Step on until something of these traits has the focus."""
        for _ in range(_LIMIT):
            found = self.tab()
            if found and all(found[trait] == value for trait, value in wanted.items()):
                return found
        raise AssertionError(f"{wanted} cannot be reached on {self.page.url}")

    def type(self, text: str) -> None:
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def leave(self, key: str = "Enter") -> None:
        """Press what leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def fill(self, raw: Mapping[str, Any]) -> None:
        """Answer what the focus meets, from the top to the button that goes on."""
        answers = dict(_flat(raw))
        for _ in range(_LIMIT):
            found = self.tab()
            if found.get("primary"):
                return
            if found and found["name"] in answers:
                self._answer(found, answers[found["name"]])
        raise AssertionError(f"no button that goes on can be reached on {self.page.url}")

    def _answer(self, found: Mapping[str, Any], value: Any) -> None:
        if found["type"] == "radio":
            self._choose(found["value"], str(value))
        elif found["type"] == "checkbox":
            if found["value"] in value and not found["checked"]:
                self.press("Space")
        elif found["tag"] == "SELECT":
            self._select(str(value))
        else:
            self.type(str(value))

    def _choose(self, at: str, value: str) -> None:
        """Radio buttons are one stop; arrows go through them."""
        self.press("Space")
        for _ in range(_LIMIT):
            if at == value:
                return
            self.press("ArrowDown")
            at = self.here()["value"]
        raise AssertionError(f"{value} is no choice on {self.page.url}")

    def _select(self, value: str) -> None:
        self.press("Home")
        for _ in range(_LIMIT):
            if self.here()["value"] == value:
                return
            self.press("ArrowDown")
        raise AssertionError(f"{value} is no choice on {self.page.url}")


def _flat(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answers by the names of their controls: rows and the parts of a date apart."""
    flat: dict[str, Any] = {}
    for code, value in raw.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            for index, row in enumerate(value):
                flat |= _flat({f"{code}.{index}.{name}": cell for name, cell in row.items()})
            continue
        flat[code] = value
        if isinstance(value, str) and value.count("/") == 2:
            parts = zip(("day", "month", "year"), value.split("/"), strict=True)
            flat |= {f"{code}.{part}": text for part, text in parts}
    return flat
