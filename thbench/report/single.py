"""A report as one file: styles, scripts, data, pictures and videos inside its HTML.

The page stays as closed as the report: its Content-Security-Policy names the SHA-256 of every script in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from thbench.api import Engine, reading
from thbench.files.atomic import atomic_write
from thbench.report.page import Options, write_report

AGAIN = "make the report again"
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".mp4": "video/mp4", ".svg": "image/svg+xml"}
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">\n?')
_SCRIPT = re.compile(r'<script src="([^"]+)" defer></script>\n?')
_PICTURE = re.compile(r'(<img src=")([^":]+)"')


def write_single_file(run: Path, out: Path, engine: Engine | None, options: Options) -> Path:
    """The report of a run as the file `out`; returns it. Raises UserError as `write_report` does.

    Every clip that has players adds its videos, so `options.players` decides the size.
    """
    with tempfile.TemporaryDirectory() as folder:
        index = write_report(run, Path(folder), engine, options)
        atomic_write(out, single_file(index))
    return out


def single_file(index: Path) -> str:
    """The page `index` with everything that it and its scripts load."""
    folder = index.parent
    page = _text(index)
    page = _STYLE.sub(lambda m: f"<style>{_text(folder / m[1])}</style>\n", page)
    scripts = [_text(folder / name) for name in _SCRIPT.findall(page)]
    named = set(_SCRIPT.findall(page))
    data = [p for p in sorted((folder / "data").glob("*.js")) if f"data/{p.name}" not in named]
    scripts[1:1] = [_videos(folder)]  # after core.js, which makes `thb`
    scripts += [_text(path) for path in data]
    page = _SCRIPT.sub("", page)
    page = _PICTURE.sub(lambda m: f'{m[1]}{_inline(folder / unquote(m[2]))}"', page)
    page = page.replace("script-src 'self' file:", f"script-src {' '.join(map(_hash, scripts))}")
    page = page.replace("media-src 'self' file:", "media-src data:")
    inside = "".join(f"<script>{text}</script>\n" for text in scripts)
    return page.replace("</body>", inside + "</body>")


def _text(path: Path) -> str:
    with reading(path, AGAIN):
        return path.read_text(encoding="utf-8")


def _videos(folder: Path) -> str:
    """A script that maps the path of each video to its content."""
    return f"thb.files = {json.dumps(dict(_named(folder)))};"


def _named(folder: Path) -> Iterator[tuple[str, str]]:
    """Paths as scripts write them: each part percent-encoded as by encodeURIComponent."""
    from urllib.parse import quote

    for path in sorted(folder.rglob("*.mp4")):
        parts = [quote(p, safe="!*'()~") for p in path.relative_to(folder).parts]
        yield "/".join(parts), _inline(path)


def _inline(path: Path) -> str:
    with reading(path, AGAIN):
        content = path.read_bytes()
    return f"data:{_KINDS[path.suffix]};base64,{base64.b64encode(content).decode('ascii')}"


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
