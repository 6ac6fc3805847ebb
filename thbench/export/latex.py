"""Tables as papers print them: booktabs, the best in bold, ties marked, means with their uncertainty.

Identities of columns are not in the table; `thbench export --to latex -o FILE` writes them next to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from thbench.export.selection import Selection
from thbench.results.row import Row
from thbench.statistics.paired import ACTORS_UNKNOWN
from thbench.tables.build import GIVEN
from thbench.tables.difference import difference
from thbench.tables.export import latex
from thbench.tables.markdown import ARROWS

Uncertainty: TypeAlias = Literal["interval", "pm", "none"]
TIE = "$^{=}$"


def latex_text(
    chosen: Selection, labels: Mapping[str, str] | None = None, uncertainty: Uncertainty = "pm"
) -> str:
    """One table environment per resolution.

    labels       column -> what its head says, in place of its name
    uncertainty  `pm`: value +- the larger half of its 95 % interval over actors; `interval`: both ends
    """
    parts = [_table(chosen, table, labels or {}, uncertainty) for table in chosen.tables]
    return "% needs \\usepackage{booktabs}\n" + "\n".join("\n".join(p) + "\n" for p in parts)


def _table(
    chosen: Selection, table: Mapping[str, Any], labels: Mapping[str, str], uncertainty: Uncertainty
) -> Iterator[str]:
    columns = table["columns"]
    heads = [f"{_head(name, labels)} {latex(ARROWS[c['better']])}" for name, c in columns.items()]
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{_caption(chosen, table, uncertainty)}}}"
    yield rf"\begin{{tabular}}{{l{'r' * len(columns)}}}"
    yield r"\toprule"
    yield " & ".join(["System", *heads]) + r" \\"
    yield r"\midrule"
    marks = {name: _marks(chosen, table, name) for name in columns}
    decimals = {name: _decimals(table, name) for name in columns}
    kind = table["rows"][0]["kind"] if table["rows"] else ""
    for row in table["rows"]:
        if row["kind"] != kind:
            yield r"\midrule"
            kind = row["kind"]
        cells = [
            _cell(row["scores"].get(c), decimals[c], marks[c].get(row["system"], ""), uncertainty)
            if row["kind"] == "system"
            else _cell(row["scores"].get(c), decimals[c], "", uncertainty)
            for c in columns
        ]
        yield " & ".join([_name(row), *cells]) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _head(name: str, labels: Mapping[str, str]) -> str:
    return latex(labels.get(name, name))


def _name(row: Mapping[str, Any]) -> str:
    name = latex(row["system"])
    if row["kind"] == "control":
        return rf"\emph{{{name}}}"
    return name if row["clips"] == row["of"] else f"{name} ({row['clips']}/{row['of']} clips)"


def _caption(chosen: Selection, table: Mapping[str, Any], uncertainty: Uncertainty) -> str:
    first, size = chosen.first, table["resolution"]
    said = [
        f"{first.suite.name}, {size} × {size} pixels{GIVEN[table['given']]}, {first.split.n_clips} clips "
        f"of {first.split.n_actors} actors"
    ]
    if uncertainty == "pm":
        said.append("± is the larger half of the 95 % interval over actors")
    if uncertainty == "interval":
        said.append("95 % intervals over actors in brackets")
    if first.dataset.actors_unknown:
        said.append(ACTORS_UNKNOWN)
    text = latex(". ".join(t[0].upper() + t[1:] for t in said) + ".")
    if sum(row["kind"] == "system" for row in table["rows"]) < 2:
        return text
    return f"{text} Bold: best system; {TIE}: cannot be told apart from the best."


def _marks(chosen: Selection, table: Mapping[str, Any], column: str) -> dict[str, str]:
    """System -> "best" or "tie"; none where fewer than two systems have a complete value."""
    size = table["resolution"]
    worth = {
        row["system"]: (w, chosen.row(size, row))
        for row in table["rows"]
        if row["kind"] == "system" and (w := _badness(table, row, column)) is not None
    }
    if len({w for w, _ in worth.values()}) < 2:
        return {}
    least = min(w for w, _ in worth.values())
    best = next(row for w, row in worth.values() if w == least)
    truth = chosen.truth(size)
    return {
        name: "best" if w == least else "tie"
        for name, (w, row) in worth.items()
        if w == least or _is_tied(column, row, best, truth)
    }


def _is_tied(column: str, row: Row, best: Row, truth: Row | None) -> bool:
    """Whether an interval of the difference includes 0; a difference without interval says nothing."""
    found = difference(column, row, best, truth)
    ends = found.interval
    return ends is not None and ends.low is not None and found.tied


def _badness(table: Mapping[str, Any], row: Mapping[str, Any], column: str) -> float | None:
    """Smaller is better; None without a value over all clips."""
    score = row["scores"].get(column)
    if score is None or score["value"] is None or score["n"] < score["of"]:
        return None
    if column in row.get("self_reported", ()):
        return None
    better, value = table["columns"][column]["better"], float(score["value"])
    if better == "nearer-reference":
        distance = score["distance_from_reference"]
        return None if distance is None else float(distance)
    return value if better == "lower" else -value


def _decimals(table: Mapping[str, Any], column: str) -> int:
    """Of a whole column: three significant digits of its median magnitude."""
    values = sorted(
        abs(s["value"]) for row in table["rows"] if (s := row["scores"].get(column)) and s["value"]
    )
    if not values:
        return 2
    middle = values[len(values) // 2]
    return max(0, min(6, 2 - math.floor(math.log10(middle))))


def _cell(
    score: Mapping[str, Any] | None, decimals: int, mark: str, uncertainty: Uncertainty
) -> str:
    if score is None:
        return ""
    if score["value"] is None:
        return "--"
    value = _number(score["value"], decimals)
    text = rf"\textbf{{{value}}}" if mark == "best" else value
    text += TIE if mark == "tie" else ""
    text += _spread(score, decimals, uncertainty)
    partial = f" ({score['n']}/{score['of']})" if score["n"] < score["of"] else ""
    return text + partial


def _spread(score: Mapping[str, Any], decimals: int, uncertainty: Uncertainty) -> str:
    interval = score["interval"]
    if uncertainty == "none" or not interval or interval["low"] is None:
        return ""
    low, high, value = interval["low"], interval["high"], score["value"]
    if low == high:
        return ""
    if uncertainty == "pm":
        return rf" {{\scriptsize $\pm$ {_number(max(value - low, high - value), decimals)}}}"
    return rf" {{\scriptsize [{_number(low, decimals)}, {_number(high, decimals)}]}}"


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    return text.replace("-", "$-$")


def identities_name(name: str) -> str:
    """The file of identities next to a table's file."""
    return f"{name.removesuffix('.tex')}.identities.json"
