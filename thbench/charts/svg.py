"""The few shapes charts are made of, as SVG text. Every text is escaped here.

Coordinates have one decimal, so that the same numbers always give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

INK, FAINT, GRID = "#222222", "#6B6B6B", "#E3E3E3"
LETTER = 0.56
"""Mean width of a letter as a share of its height: enough to keep labels inside their picture."""
_FONT = "font-family='system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif'"


def svg(width: int, height: int, title: str, parts: Sequence[str], background: str = "") -> str:
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' role='img' {_FONT}>"
    )
    shown = []
    if background:
        shown.append(f"<rect width='{width}' height='{height}' fill='{escape(background)}'/>")
    if title:
        fitted = shortened(title, (width - 16) / (13 * LETTER))
        shown.append(f"<title>{safe(title)}</title>")
        shown.append(text(8, 17, fitted, 13, "start", INK, "bold"))
    return "".join([head, *shown, *parts, "</svg>"])


def text(
    x: float, y: float, words: str, size: float, anchor: str, fill: str,
    weight: str = "", extra: str = "",
) -> str:  # fmt: skip
    bold = f" font-weight='{weight}'" if weight else ""
    return (
        f"<text x='{coordinate(x)}' y='{coordinate(y)}' font-size='{coordinate(size)}' text-anchor='{anchor}' "
        f"fill='{escape(fill)}'{bold} {extra}>{safe(words)}</text>"
    )


def line(a: tuple[float, float], b: tuple[float, float], colour: str, extra: str = "") -> str:
    return (
        f"<line x1='{coordinate(a[0])}' y1='{coordinate(a[1])}' x2='{coordinate(b[0])}' y2='{coordinate(b[1])}' "
        f"stroke='{escape(colour)}' {extra}/>"
    )


def coordinate(value: float) -> str:
    """One decimal, without trailing zeros."""
    return f"{value:.1f}".removesuffix(".0")


def mark(index: int, x: float, y: float, colour: str, tip: str) -> str:
    """Circle, square, triangle or diamond, by the number of the series; `tip` appears on hover."""
    corners = (
        (),
        ((-3, -3), (3, -3), (3, 3), (-3, 3)),
        ((0, -4), (3.8, 3), (-3.8, 3)),
        ((0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)),
    )[index % 4]
    named = f"<title>{safe(tip)}</title>"
    if not corners:
        return f"<circle cx='{coordinate(x)}' cy='{coordinate(y)}' r='3' fill='{escape(colour)}'>{named}</circle>"
    points = " ".join(f"{coordinate(x + dx)},{coordinate(y + dy)}" for dx, dy in corners)
    return f"<polygon points='{points}' fill='{escape(colour)}'>{named}</polygon>"


def shortened(words: str, letters: float) -> str:
    return words if len(words) <= letters else words[: max(int(letters) - 1, 1)] + "…"


def safe(words: str) -> str:
    """Escaped, and without what XML and UTF-8 cannot hold: control characters, lone surrogates."""
    kept = "".join(c if c.isprintable() or c == " " else "\ufffd" for c in words)
    return escape(kept.encode("utf-8", "replace").decode("utf-8"))
