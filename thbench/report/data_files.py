"""Data that a page loads as scripts, since pages opened from a disk may not fetch files."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thbench.errors import printable_text
from thbench.files.atomic import atomic_write


def as_script(name: str, data: Any) -> str:
    """`thb.put(name, data);` in ASCII, which no reader can mistake for markup or end early."""
    text = json.dumps(_shown(data), separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"thb.put({json.dumps(name)},{text});\n"


def _shown(data: Any) -> Any:
    """The same data with every text as it may stand on a page: see `printable_text`."""
    if isinstance(data, str):
        return data if data.isprintable() else printable_text(data)
    if isinstance(data, dict):
        return {_shown(key): _shown(value) for key, value in data.items()}
    return [_shown(item) for item in data] if isinstance(data, list | tuple) else data


def write_data(out: Path, name: str, data: Any) -> Path:
    """`data/NAME.js` of the report in `out`."""
    path = out / "data" / f"{name}.js"
    atomic_write(path, as_script(name, data), durable=False)
    return path


def short(value: float | None, digits: int = 6) -> float | None:
    """`digits` significant digits: what a page needs; exact values are in clips.csv."""
    if value is None or not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def shorts(values: Sequence[float | None], digits: int = 6) -> list[float | None]:
    return [short(v, digits) for v in values]
