"""A finished run -> its report: one page, scripts next to it, data and videos that load on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import thbench
from thbench.api import Engine
from thbench.errors import printable_text
from thbench.files.atomic import atomic_write
from thbench.files.foreign import read_bytes
from thbench.report import overview
from thbench.report import page_data as finding
from thbench.report.cards import cards
from thbench.report.cost import costs
from thbench.report.data_files import write_data
from thbench.report.drift import Drift, charts, drifts
from thbench.report.filmstrip import FilmStrip, rows_of, strip_of
from thbench.report.framing import framings
from thbench.report.previews import strip_file, write_previews
from thbench.report.run_data import ReportData, read_run
from thbench.report.speed import speeds
from thbench.report.training_curves import Training, trainings
from thbench.report.worst import explained
from thbench.tables.markdown import ARROWS

RUN_ASSETS = (
    *("style.css", "core.js", "clips.js", "players.js", "curves.js", "compare.js", "gallery.js"),
)
EXPLAIN = 1
"""Moments of every metric that a report explains; `thbench report --explain N` shows more."""
STRIPS = 4
"""Film strips in a report; `thbench report --filmstrip CLIP` makes any other."""

DRIFT_CLIPS = 48
"""Clips whose frames are averaged in a report; `thbench report --drift` takes all of them."""


@dataclass(frozen=True)
class Options:
    """What a report shows. `players`: how many clips get players, None for all of them."""

    players: int | None = None
    strips: int = STRIPS
    selftest: Mapping[str, Any] | None = None
    explain: int = EXPLAIN


def write_report(run: Path, out: Path, engine: Engine | None, options: Options) -> Path:
    """Write the report of a run into the folder `out`; returns its index.html.

    Raises UserError where `run` holds no results or `out` cannot be written.
    """
    material = read_run(run)
    chosen = worth_seeing(material)[: options.players]
    strips = _strips(material, chosen[: options.strips])
    playing = write_previews(material, chosen, strips, out, engine)
    _write_data(material, playing, out)
    trained = trainings(material)
    pictures = list(_training_pictures(trained, out))
    drifted = _drifted(material, engine)
    page = render(
        "run.html.j2",
        material,
        options.selftest,
        assets=RUN_ASSETS,
        data_script="data/core.js",
        strips=[(clip, strip_file(clip)) for clip in strips],
        trainings=trained,
        pictures=pictures,
        speeds=speeds(material),
        costs=costs(material),
        drifted=drifted,
        framed=framings(material, out),
        explained=explained(material, out, options.explain),
    )
    write_page(out, page, RUN_ASSETS)
    return out / "index.html"


def render(
    template: str,
    material: ReportData,
    selftest: Mapping[str, Any] | None,
    **more: Any,
) -> str:
    """A page about a run or the results of a suite; every text in it is escaped."""
    first = material.entrants[0].result
    return (
        pages()
        .get_template(template)
        .render(
            material=material,
            result=first,
            groups=overview.table_groups(material),
            cards=cards(material, selftest),
            arrows=ARROWS,
            identity_text=overview.identity_text,
            version=thbench.__version__,
            **more,
        )
    )


def write_page(out: Path, page: str, assets: Sequence[str], name: str = "index.html") -> None:
    for asset in assets:
        text = files("thbench.report").joinpath("assets", asset).read_text(encoding="utf-8")
        atomic_write(out / asset, text, durable=False)
    atomic_write(out / name, page, durable=False)


def _shown(value: Any) -> Any:
    """A text of a template without characters that hide or turn others; markup is ours."""
    return printable_text(value) if type(value) is str else value


@lru_cache(maxsize=1)
def pages() -> Environment:
    found = Environment(
        loader=PackageLoader("thbench.report", "pages"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["svg"] = Markup  # charts escape every text themselves (thbench.charts.svg)
    return found


def worth_seeing(material: ReportData) -> list[str]:
    """Clip ids: the worst of every system and number first, then the best, then all others in order."""
    ends: list[list[str]] = [[], []]
    for entrant in material.entrants:
        if entrant.is_control:
            continue
        for column, values in entrant.values.items():
            score = entrant.scores.get(column)
            if score is None or score.better == "nearer-reference":
                continue
            held = [(v, c.id) for v, c in zip(values, material.clips, strict=True) if v is not None]
            if held:
                low, high = min(held)[1], max(held)[1]
                worst, best = (high, low) if score.better == "lower" else (low, high)
                ends[0].append(worst)
                ends[1].append(best)
    return list(dict.fromkeys([*ends[0], *ends[1], *(c.id for c in material.clips)]))


def _write_data(material: ReportData, playing: Sequence[str], out: Path) -> None:
    for i, entrant in enumerate(material.entrants):
        write_data(out, f"rows-{i}", finding.rows(material, entrant))
    write_data(out, "core", finding.core(material, frozenset(playing)))
    write_data(out, "breakdown", finding.breakdowns(material))
    write_data(out, "pairs", finding.pairs(material))


def _strips(material: ReportData, clips: Sequence[str]) -> dict[str, FilmStrip]:
    """Of each of `clips` that any reference is there of; yet to be drawn."""
    assert material.run is not None
    if not clips:
        return {}
    references = [material.run.references(size).stored() for size in material.resolutions]
    known = [
        c for c in clips if any("failure" not in r.get(c, {"failure": ""}) for r in references)
    ]
    rows = rows_of(material.run) if known else []
    return {clip: strip_of(material.run, rows, clip, columns=6) for clip in known}


def _drifted(
    material: ReportData, engine: Engine | None
) -> list[tuple[Drift, list[tuple[str, str]]]]:
    """Per resolution, with its charts; none where the run's references are gone."""
    assert material.run is not None
    if not (material.run.root / "references").is_dir():
        return []
    found = drifts(material.run, engine, most=DRIFT_CLIPS)
    return [(drift, charts(drift)) for drift in found if drift.clips]


def _training_pictures(trained: Sequence[Training], out: Path) -> Iterator[list[str]]:
    """Validation samples of each training, copied into the report."""
    for i, one in enumerate(trained):
        names = []
        for k, picture in enumerate(one.pictures):
            name = f"training/{i}-{k}.png"
            atomic_write(out / name, read_bytes(picture), durable=False)
            names.append(name)
        yield names
