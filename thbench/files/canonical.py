"""One spelling for everything that is hashed or used as a file name."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from urllib.parse import quote

NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
"""What a suite, a system, a recipe and a label may be called."""
_LONGEST = 180


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused with ValueError."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of `value`: the order of mappings does not matter.

    Raises TypeError or ValueError for what JSON cannot say exactly (objects, NaN, infinity).
    """
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_name(clip_id: str) -> str:
    """A file name for any clip id: reversible percent-encoding, no separator, never `.` or `..`.

    Very long names end in a hash instead, since file systems stop at 255 bytes.
    """
    name = quote(clip_id, safe=" ()+,=@", errors="surrogatepass")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name


def same_name(name: str) -> str:
    """A name without what people write differently: case, spaces, hyphens, width of letters."""
    text = unicodedata.normalize("NFKC", str(name)).casefold()
    return "".join(c for c in text if c.isalnum())


def same_id(name: str) -> str:
    """As `same_name`, without leading zeros: `01014` and ` 1014` are one actor."""
    text = same_name(name)
    return text.lstrip("0") or text
