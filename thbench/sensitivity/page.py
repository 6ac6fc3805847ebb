"""sensitivity.html: one page, its charts inside; no script, no request."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from thbench.charts.plots import PALETTE, IntervalMark, interval_chart
from thbench.errors import printable_text
from thbench.results.sensitivity import Sensitivity
from thbench.sensitivity.look import clearly, grouped, main_source, moved, scale_of, shown_columns
from thbench.sensitivity.picture import as_svg
from thbench.tables.markdown import ARROWS, score_text

_STYLE = """
:root { --ink: #1d2430; --soft: #5b6472; --line: #dfe3e8; --paper: #fff; --wash: #f5f7f9; --chart: #222; --faint: #6b6b6b; --grid: #e3e3e3; color-scheme: light }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a7b0bd; --line: #333b46; --paper: #14181e; --wash: #1c222a; --chart: #e6e9ee; --faint: #a7b0bd; --grid: #2f3741; color-scheme: dark } }
.card svg [fill="#222222"] { fill: var(--chart) } .card svg [stroke="#222222"] { stroke: var(--chart) }
.card svg [fill="#6B6B6B"] { fill: var(--faint) } .card svg [stroke="#6B6B6B"] { stroke: var(--faint) } .card svg [stroke="#E3E3E3"] { stroke: var(--grid) }
* { box-sizing: border-box } html { -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 1320px; padding: 18px 16px 40px; color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
h1 { font-size: 23px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere } h2 { font-size: 18px; margin: 26px 0 6px }
p { margin: 4px 0; max-width: 75ch; overflow-wrap: anywhere } .soft { color: var(--soft) } .bad { color: #b01d1d; font-weight: 600 }
.scroll { overflow-x: auto } .figure { background: #fff; padding: 6px; border: 1px solid var(--line); display: inline-block }
.scroll > svg, .figure svg { display: block }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); gap: 14px }
.card { border: 1px solid var(--line); border-radius: 6px; padding: 8px; min-width: 0 } .card svg { width: 100%; height: auto; display: block }
.card p { font-size: 13px; margin: 0 0 4px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { padding: 4px 10px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: baseline }
th { font-weight: 600; background: var(--wash); color: var(--soft); font-size: 13px } td.n { text-align: right; white-space: nowrap }
"""
_STRONG, _WEAK = PALETTE[0], "#8A8A8A"


def as_html(found: Sensitivity) -> str:
    """The whole page; every text is escaped."""
    body = "\n".join(_body(found))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        f"<title>Delivery and scores: {_safe(found.suite)}</title><style>{_STYLE}</style></head><body>\n"
        f"{body}\n</body></html>\n"
    )


def _safe(words: str) -> str:
    return escape(printable_text(str(words)))


def _body(found: Sensitivity) -> Iterator[str]:
    synthetic = ", synthetic" if found.synthetic else ""
    yield f"<main><h1>How delivery moves scores: {_safe(found.suite)}</h1>"
    yield (
        f'<p class="soft">{found.n_clips} clips of {found.n_actors} actors of {_safe(found.dataset)}'
        f"{synthetic} at {found.resolution} px; {len(found.deliveries)} deliveries of "
        f"{_safe(', '.join(found.sources))}. A move is the score of a delivery minus that of the "
        "lossless delivery of the same videos, with its 95 % interval over actors.</p>"
    )
    for name, record in found.sources.items():
        if record.differs:
            yield (
                f'<p class="bad">{_safe(name)}: the lossless delivery scored otherwise in '
                f"{_safe(', '.join(record.differs))}</p>"
            )
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Moves"><div class="figure">{as_svg(found)}</div></div>'
    for source in [main_source(found), *(s for s in found.sources if s != main_source(found))]:
        yield f"<h2>Moves of {_safe(source)}, score by score</h2>"
        yield (
            '<p class="soft">Blue: the interval leaves out 0. Grey: it does not, or there is none. The dashed '
            "line is no move at all.</p>"
        )
        yield '<div class="cards">'
        yield from (_card(found, source, column) for column in shown_columns(found, source))
        yield "</div>"
    yield from _deliveries(found)
    yield from _missing(found)
    yield "</main>"


def _card(found: Sensitivity, source: str, column: str) -> str:
    described = found.columns[column]
    marks = []
    for _, names in grouped(found):
        for name in names:
            move = moved(found, source, column, name)
            if move is None:
                continue
            colour = _STRONG if clearly(move) else _WEAK
            note = "" if move.move is not None else move.note or "no value"
            marks.append(IntervalMark(name, move.move, move.low, move.high, colour, note))
    before = next((m.before for m in found.moves if (m.source, m.column) == (source, column)), None)
    facts = [] if before is None else [f"before {score_text(before)} {described.unit}".strip()]
    if scale := scale_of(found, column):
        facts.append(f"systems side by side are {score_text(scale)} apart (median)")
    chart = interval_chart(
        marks,
        title=f"{column} {ARROWS[described.better]}",
        x_label=f"move{', ' + described.unit if described.unit else ''}",
        width=400,
        level=0.0,
    )
    return f'<section class="card">{chart}<p class="soft">{_safe("; ".join(facts))}</p></section>'


def _deliveries(found: Sensitivity) -> Iterator[str]:
    yield '<h2>What was changed</h2><div class="scroll" tabindex="0" role="region" aria-label="Deliveries"><table><thead><tr>'
    yield "".join(
        f"<th>{_safe(h)}</th>"
        for h in ("delivery", "what", "usual", *(f"kbit/s of {n}" for n in found.sources))
    )
    yield "</tr></thead><tbody>"
    for name, delivery in found.deliveries.items():
        rates = "".join(
            f'<td class="n">{delivery.kbps[n]:.0f}</td>' if n in delivery.kbps else "<td>–</td>"
            for n in found.sources
        )
        usual = "yes" if delivery.usual else ""
        yield f"<tr><td>{_safe(name)}</td><td>{_safe(delivery.about)}</td><td>{usual}</td>{rates}</tr>"
    yield "</tbody></table></div>"


def _missing(found: Sensitivity) -> Iterator[str]:
    if not found.unavailable and not found.lost:
        return
    yield "<h2>Not measured</h2><ul>"
    for name, why in found.unavailable.items():
        yield f"<li>{_safe(name)}: {_safe(why)}</li>"
    for name, reasons in found.lost.items():
        for reason, n in reasons.items():
            yield f"<li>{_safe(name)}: {n} clip(s): {_safe(reason)}</li>"
    yield "</ul>"
