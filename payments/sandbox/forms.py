"""Decoding of form-encoded parameters with brackets, ``a[b][0][c]=v``.

The convention is Rack's, which the provider's servers follow: a later value
replaces an earlier one, ``a[]`` appends, ``a[][b]``
fills the last hash until it has a ``b``, ``a[0]`` counts. A list is kept as a
mapping from its index to its value; :mod:`payments.sandbox.params` reads it.
"""

import re
from typing import Union
from urllib.parse import unquote_to_bytes

from payments.sandbox.errors import ApiError, invalid

Tree = dict[str, Union[str, "Tree"]]


class Items(dict[str, str | Tree]):
    """A list without indices, ``a[]``: no hash, even where any key would do."""


MAX_BODY_BYTES = 256 * 1024
MAX_PAIRS = 2000
MAX_DEPTH = 8

NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)\Z")
STEP = re.compile(r"\[([^\[\]]*)\]")
BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decode(*parts: bytes) -> Tree:
    """One tree of all parts (query first, then body).

    Raises :class:`ApiError` for anything that is not clean UTF-8 form data, so that
    no later step meets a broken string.
    """
    tree: Tree = {}
    pairs = [pair for part in parts for pair in part.split(b"&") if pair]
    if len(pairs) > MAX_PAIRS:
        raise ApiError(f"Too many parameters: at most {MAX_PAIRS} are read.")
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        _put(tree, _text(name), _text(value))
    return tree


def _text(raw: bytes) -> str:
    if BROKEN_PERCENT.search(raw):
        raise ApiError("Invalid form encoding: a % is not followed by two hexadecimal digits.")
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError("Invalid form encoding: the parameters are not UTF-8.") from None
    if "\0" in text:
        raise ApiError("Invalid form encoding: the parameters contain a NUL character.")
    return text


def _put(tree: Tree, name: str, value: str) -> None:
    match = NAME.match(name)
    if match is None:
        # No bracket convention fits: kept whole, so that it is reported as unknown.
        tree[name] = value
        return
    steps = [match["root"], *STEP.findall(match["rest"])]
    if len(steps) > MAX_DEPTH:
        raise invalid(steps[0][:100], f"nested deeper than {MAX_DEPTH} levels")
    node = tree
    for depth, step in enumerate(steps[:-1]):
        fresh = {} if steps[depth + 1] else Items()
        inner = node.setdefault(step or _place(node, steps[depth + 1 :]), fresh)
        if isinstance(inner, str):
            raise invalid(steps[0][:100], "given both as a value and as a hash")
        node = inner
    last = steps[-1] or _next(node)
    if isinstance(node.get(last), dict):
        raise invalid(steps[0][:100], "given both as a value and as a hash")
    node[last] = value


def _next(node: Tree) -> str:
    """The index after the last one of a list."""
    index = len(node)
    while str(index) in node:
        index += 1
    return str(index)


def _place(node: Tree, rest: list[str]) -> str:
    """Which hash of a list ``a[][b]`` belongs to: the last, until that has its ``b``."""
    last = next(reversed(node), None)
    if last is None or _has(node[last], rest):
        return _next(node)
    return last


def _has(inner: Tree | str, rest: list[str]) -> bool:
    for step in rest:
        if not isinstance(inner, dict) or step not in inner:
            # A value, or a further list without indices, never opens a new hash.
            return isinstance(inner, str)
        inner = inner[step]
    return True
