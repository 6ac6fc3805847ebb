"""The settings file of a call: the text of `config`, or the program's own file with some keys replaced."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from thbench.api import UserError, reading

__all__ = ["settings_text"]

_LARGEST = 1 << 20  # bytes of a settings file


def settings_text(text: str, root: Path | None, base: str, name: str) -> str:
    """What is written under `name`; with `base` its keys and those of `text`, which win.

    JSON where the name says so, else YAML. Raises UserError where one of the two holds no keys.
    """
    if not base:
        return text
    path = (root or Path()) / base
    with reading(path, "config_base names a settings file below root"):
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: over {_LARGEST} bytes", "this is no settings file")
        old = path.read_text(encoding="utf-8")
    merged = {**_keys(old, str(path)), **_keys(text, "config")}
    if name.endswith(".json"):
        return json.dumps(merged, indent=1)
    return yaml.safe_dump(merged, sort_keys=False, allow_unicode=True)


def _keys(text: str, where: str) -> dict[str, object]:
    with reading(where, "fix the YAML"):
        data = yaml.safe_load(text)  # of which JSON is a part
    if not isinstance(data, dict):
        raise UserError(f"{where}: keys and values expected", "config and config_base are mappings")
    return data
