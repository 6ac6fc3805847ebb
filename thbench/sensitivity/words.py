"""sensitivity.md: what was delivered, how far every score moved, and which moves exceed gaps between systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from thbench.results.sensitivity import Move, Sensitivity
from thbench.sensitivity.look import clearly, grouped, moved, scale_of, shown_columns
from thbench.tables.markdown import ARROWS, escape_cell, score_text


def as_markdown(found: Sensitivity) -> str:
    lines = [
        f"# How delivery moves scores: {escape_cell(found.suite)}",
        "",
        f"{found.n_clips} clips of {found.n_actors} actors of `{escape_cell(found.dataset)}` at "
        f"{found.resolution} px{', synthetic' if found.synthetic else ''}. A move is the score of a delivery minus "
        "that of the lossless delivery of the same videos; [low, high] is its 95 % interval over actors, paired by "
        "clip. Moves whose interval leaves out 0 are **bold**.",
        "",
        *_deliveries(found),
    ]
    for source in found.sources:
        lines += _source(found, source)
    lines += _against(found)
    return "\n".join([*lines, *_missing(found)]).rstrip() + "\n"


def _deliveries(found: Sensitivity) -> Iterator[str]:
    names = list(found.sources)
    heads = ["delivery", "what is changed", *(f"kbit/s of {escape_cell(n)}" for n in names)]
    yield "## Deliveries"
    yield ""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for name, delivery in found.deliveries.items():
        rates = [f"{delivery.kbps[n]:.0f}" if n in delivery.kbps else "–" for n in names]
        usual = " (usual)" if delivery.usual else ""
        yield f"| {escape_cell(name)}{usual} | {escape_cell(delivery.about)} | {' | '.join(rates)} |"
    yield ""


def _source(found: Sensitivity, source: str) -> Iterator[str]:
    record = found.sources[source]
    columns = shown_columns(found, source)
    yield f"## Moves of {escape_cell(source)}"
    yield ""
    yield _lossless(record.unmoved, record.differs)
    yield ""
    for words, names in grouped(found):
        yield f"### {words[0].upper()}{words[1:]}"
        yield ""
        yield "| score | before | " + " | ".join(map(escape_cell, names)) + " |"
        yield "|" + " --- |" * (len(names) + 2)
        for column in columns:
            yield _line(found, source, column, names)
        yield ""
    yield from _silent(found, source)


def _lossless(unmoved: bool | None, differs: Sequence[str]) -> str:
    if unmoved is None:
        return "Whether the lossless delivery scores what its source does was not looked at."
    if unmoved:
        return "The lossless delivery scored exactly what its source did."
    return f"**The lossless delivery scored otherwise than its source in {', '.join(differs)}.**"


def _line(found: Sensitivity, source: str, column: str, names: Sequence[str]) -> str:
    moves = [moved(found, source, column, name) for name in names]
    before = next((m.before for m in moves if m and m.before is not None), None)
    cells = [escape_cell(f"{column} {ARROWS[found.columns[column].better]}")]
    cells += ["–" if before is None else score_text(before), *map(_cell, moves)]
    return "| " + " | ".join(cells) + " |"


def _cell(move: Move | None) -> str:
    if move is None or move.move is None:
        return "–"
    text = signed(move.move)
    if move.low is not None and move.high is not None and move.low != move.high:
        text += f" \\[{score_text(move.low)}, {score_text(move.high)}\\]"
    partial = f" ({move.n}/{move.of})" if move.n < move.of else ""
    return (f"**{text}**" if clearly(move) else text) + partial


def signed(value: float) -> str:
    return ("+" if value > 0 else "") + score_text(value) if value else "0"


def _silent(found: Sensitivity, source: str) -> Iterator[str]:
    """Reasons for moves that are missing, each once."""
    reasons: dict[str, list[str]] = {}
    for move in found.moves:
        if move.source == source and move.move is None:
            reasons.setdefault(move.note or "no value", []).append(
                f"{move.column} ({move.delivery})"
            )
    for reason, places in reasons.items():
        few = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
        yield f"- –: {escape_cell(reason)}: {escape_cell(few)}"
    if reasons:
        yield ""


def _against(found: Sensitivity) -> Iterator[str]:
    """Per score: the median gap between neighbours, and every delivery that moves a system further."""
    if not found.gaps:
        return
    yield "## Against the distance between systems"
    yield ""
    yield (
        "How far neighbours in the table of the run are apart (smallest, median), and which deliveries move a system "
        "further than the smallest of these. Usual ones mark the table of the run; the others are in brackets."
    )
    yield ""
    yield "| score | smallest gap | median gap | deliveries that move a system further |"
    yield "| --- | --- | --- | --- |"
    for column, gaps in found.gaps.items():
        if gaps and column in found.columns:
            least, middle = min(g.gap for g in gaps), scale_of(found, column)
            further = ", ".join(_further(found, column, least)) or "none"
            middle_text = "0" if middle is None else score_text(middle)
            yield f"| {escape_cell(column)} | {score_text(least)} | {middle_text} | {escape_cell(further)} |"
    yield ""


def _further(found: Sensitivity, column: str, least: float) -> Iterator[str]:
    for name, delivery in found.deliveries.items():
        moves = [
            m.move
            for m in found.of(column, name)
            if m.move is not None and found.sources[m.source].kind == "system"
        ]
        if moves and max(map(abs, moves)) > least:
            yield name if delivery.usual else f"({name})"


def _missing(found: Sensitivity) -> Iterator[str]:
    if not found.unavailable and not found.lost:
        return
    yield "## Not measured"
    yield ""
    for name, why in found.unavailable.items():
        yield f"- {escape_cell(name)}: {escape_cell(why)}"
    for name, reasons in found.lost.items():
        for reason, n in reasons.items():
            yield f"- {escape_cell(name)}: {n} clip(s): {escape_cell(reason)}"
    yield ""
