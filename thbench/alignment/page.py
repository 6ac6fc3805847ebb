"""The alignment sheet as one HTML page with its pictures inside, or as one PNG."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from thbench.alignment.placed import Placed
from thbench.alignment.sheet import Row, sheet
from thbench.api import Frames, UserError
from thbench.files.atomic import atomic_write
from thbench.run.job import Job
from thbench.suite import Suite
from thbench.suite.split import Split

_LETTERS = 120  # of a line of text in a PNG
SHOWN = 12
"""Clips of a system that the sheet of a run shows; `thbench align --all` shows every one."""
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 90rem; padding: 0 1rem }
section { border-top: 1px solid #8884; padding: .8rem 0 } h2 { font-size: 1rem; margin: 0 0 .3rem }
.pictures { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-end }
figure { margin: 0; max-width: 100% } img { display: block; max-width: 100%; max-height: 14rem }
figcaption { font-size: .8rem; color: #777 } p { margin: .2rem 0 } .beyond { color: #c22; font-weight: 600 }
@media (prefers-color-scheme: dark) { body { background: #16181b; color: #ddd } .beyond { color: #f77 } }
"""
_ABOUT = (
    "Green: the square that is scored, in the recording and in the delivered video. The identity frame "
    "and the first picture must show the same part of the scene; one over the other, what agrees is "
    "grey, what does not is green or magenta."
)


def write_sheet(rows: Sequence[Row], out: Path) -> None:
    """Write `out` as .html or .png. Raises UserError for another suffix, and where the disk refuses."""
    if out.suffix.lower() in (".html", ".htm"):
        atomic_write(out, as_html(rows))
    elif out.suffix.lower() == ".png":
        atomic_write(out, _png(as_picture(rows)))
    else:
        raise UserError(f"--out {out}: neither .html nor .png", "e.g. --out alignment.html")


def write_sheet_of_run(job: Job, suite: Suite, split: Split) -> str:
    """Write RUN/alignment.html, of SHOWN clips of every system; returns how many are framed alike."""
    rows = list(sheet(Placed(job, suite, split), SHOWN))
    out = job.run.root / "alignment.html"
    write_sheet(rows, out)
    return f"{summary(rows)}: {out}"


def summary(rows: Sequence[Row]) -> str:
    """How many lie where their reference does."""
    beyond = sum(bool(row.beyond) for row in rows)
    return f"{len(rows) - beyond} of {len(rows)} clips framed as their reference, {beyond} not"


def as_html(rows: Sequence[Row]) -> str:
    """One page; every text is escaped, every picture a PNG inside."""
    body = "\n".join(_section(row) for row in rows)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Alignment</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Alignment: {escape(summary(rows))}</h1>\n<p>{_ABOUT}</p>\n{body}\n</body></html>\n"
    )


def _section(row: Row) -> str:
    said = [f"<p>{escape(line)}</p>" for line in row.said]
    said += [f'<p class="beyond">{escape(line)}</p>' for line in row.beyond]
    figures = [
        f'<figure><img alt="{escape(name)}" src="data:image/png;base64,{_base64(picture)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in row.pictures.items()
    ]
    return (
        f"<section><h2>{escape(row.system)}: {escape(row.clip)}</h2>{''.join(said)}"
        f'<div class="pictures">{"".join(figures)}</div></section>'
    )


def as_picture(rows: Sequence[Row], height: int = 160) -> Frames:
    """[H, W, 3]: lines of text and a strip of pictures for each clip."""
    heads = next((tuple(row.pictures) for row in rows if row.pictures), ())
    strips = [_text([" | ".join(heads)], False)]
    for row in rows:
        said = f"{row.system}: {row.clip}: {'; '.join(row.beyond or row.said)}"
        strips += [_text(textwrap.wrap(said, _LETTERS), bool(row.beyond)), _strip(row, height)]
    width = max(s.shape[1] for s in strips)
    return np.concatenate(
        [np.pad(s, [(0, 4), (0, width - s.shape[1]), (0, 0)], constant_values=255) for s in strips]
    )


def _text(lines: Sequence[str], alarming: bool) -> Frames:
    import cv2

    place = np.full((4 + 18 * len(lines), 8 * _LETTERS, 3), 255, np.uint8)
    colour = (200, 30, 30) if alarming else (0, 0, 0)
    for i, line in enumerate(lines):
        plain = line.encode("ascii", "replace").decode()  # the font has no other characters
        where = 4, 16 + 18 * i
        cv2.putText(place, plain, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return place


def _strip(row: Row, height: int) -> Frames:
    import cv2

    parts = []
    for picture in row.pictures.values():
        size = max(1, round(picture.shape[1] * height / picture.shape[0])), height
        parts += [cv2.resize(picture, size, interpolation=cv2.INTER_AREA)]
        parts += [np.full((height, 4, 3), 255, np.uint8)]
    return np.concatenate(parts, axis=1) if parts else np.full((1, 1, 3), 255, np.uint8)


def _png(picture: Frames) -> bytes:
    import cv2

    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data.tobytes())


def _base64(picture: Frames) -> str:
    return base64.b64encode(_png(picture)).decode("ascii")
