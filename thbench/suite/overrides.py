"""What the command line changes of a suite: --set and --add, into the document before it is checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from thbench.api import UserError
from thbench.files.yamlfile import Document, KeyPath, load

_TEMPLATE = re.compile(r"[^:,{}]*(\{[a-z_0-9]+\}[^:,{}]*)+")
"""`{actor}_{clip}`: a text, where YAML would see a mapping."""


def apply_overrides(document: Document, texts: Sequence[str]) -> None:
    """Every `--set` in turn. Raises UserError for a key that is set twice."""
    seen: dict[str, str] = {}
    for text in texts:
        key = text.partition("=")[0].strip()
        if key in seen:
            raise UserError(f"--set {key} is given twice: {seen[key]} and {text}", "leave one out")
        seen[key] = text
        apply_override(document, text)


def apply_override(document: Document, text: str) -> None:
    """`systems.mine.steps=20` into the document; the value is YAML."""
    path, equals, value = text.partition("=")
    key = tuple(path.strip().split("."))
    if not equals or not all(key):
        raise UserError(f"--set {text}: not of the form key.path=value", "e.g. --set seed=1")
    try:
        parsed = value if _TEMPLATE.fullmatch(value) else load(value)
    except (yaml.YAMLError, RecursionError):
        raise UserError(f"--set {text[:200]}: not a YAML value", "quote it") from None
    set_key(document, key, parsed, f"--set {path.strip()}")


def set_key(document: Document, key: KeyPath, value: Any, flag: str) -> None:
    """`value` at `key` of the document, given on the command line by `flag`. Raises UserError."""
    node: Any = document.data
    for i, part in enumerate(key[:-1]):
        node = _child(document, node, part, key[: i + 1], flag)
    if isinstance(node, list):
        node[_index(node, key[-1], flag)] = value
    elif isinstance(node, dict):
        node[key[-1]] = value
    else:
        raise UserError(f"{flag}: cannot be set inside a plain value", "check the key")
    document.typed(key, flag)


def _child(document: Document, node: Any, part: str, key: KeyPath, flag: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, part, flag)]
    if isinstance(node, dict):
        if key[:-1] == ("systems",) and part not in node:
            raise document.unknown_key(key, "system", list(node), flag)
        return node.setdefault(part, {})
    raise UserError(f"{flag}: cannot be set inside a plain value", "check the key")


def _index(node: list[Any], part: str, flag: str) -> int:
    if not part.isdigit() or int(part) >= len(node):
        raise UserError(f"{flag}: '{part}' is no index of a list of {len(node)}", "count from 0")
    return int(part)


def add_system(document: Document, text: str) -> None:
    """`mine:steps=20,resolution=64` as a further system, at the first system's resolution by default."""
    name, _, rest = text.partition(":")
    systems = document.data.setdefault("systems", {})
    if not isinstance(systems, dict):
        raise document.error(("systems",), "must be a mapping", "see docs/suites.md")
    key = name
    while key in systems:
        key += "+"
    first = next((s for s in systems.values() if isinstance(s, dict)), {})
    entry: dict[str, Any] = {"generator": name, "resolution": first.get("resolution", 128)}
    for pair in filter(None, rest.split(",")):
        option, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--add {text}: '{pair}' is not key=value", "e.g. --add mine:steps=20")
        entry[option.strip()] = load(value)
    systems[key] = entry
    document.typed(("systems", key), f"--add {text}")


def options_from(texts: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts, the values being YAML. Raises UserError."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {text}: not of the form key=value", "e.g. --set steps=20")
        if key.strip() in found:
            raise UserError(f"--set {key.strip()} is given twice", "leave one out")
        found[key.strip()] = load(value)
    return found
