"""Datasets of recordings, each a page of YAML: layouts/*.yaml, or a file of your own for the dataset `own_layout`.

A layout says how files are named, whose they are, what their names mean, where they are had and under
which licence (see `layout.Layout`). Media are never shipped. Importing this package costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from thbench.api import Context, Dataset, Plugin, hookimpl
from thbench_crema_d import BackendName

__all__ = ["LAYOUTS", "VERSION", "CropName", "Options", "OwnOptions"]

VERSION = "1"
LAYOUTS = Path(__file__).parent / "layouts"
CropName: TypeAlias = Literal["wide", "tight", "published"]


@dataclass(frozen=True)
class Options:
    """Where the recordings and the prepared set lie, which of them are used, and how faces are found."""

    root: Annotated[
        Path | None, "folder of the recordings, used in place; default: in the cache"
    ] = None
    prepared: Annotated[
        Path | None, "folder of the prepared set; default: in the cache, one per way of preparing"
    ] = None
    backend: Annotated[BackendName, "what finds face and landmarks, as for the dataset crema_d"] = (
        "yunet-mesh"
    )
    crop: Annotated[
        CropName,
        "wide: head, hair and chin; tight: as videos of 128 px are published; published: the dataset's own "
        "box, or the whole of a square recording",
    ] = "wide"
    max_seconds: Annotated[
        float | None, "longer clips are cut to their first so many seconds", Field(gt=0)
    ] = None
    actors: Annotated[tuple[str, ...], "only these actors; empty: all"] = ()
    where: Annotated[
        Mapping[str, str], "only clips with these labels, as {view: front}; `all` lifts a default"
    ] = field(default_factory=dict)
    unnamed: Annotated[
        bool, "also clips whose names say no person; each recording is then an actor of its own"
    ] = False


@dataclass(frozen=True)
class OwnOptions(Options):
    """The same for a layout of your own."""

    layout: Annotated[Path | None, "YAML file that describes the dataset (docs/datasets.md)"] = None


def _build(layout: Path, options: Options, context: Context) -> Dataset:
    from thbench_recordings.dataset import Recordings
    from thbench_recordings.layout import load_layout

    return Recordings(load_layout(layout), options, context)


def _build_own(options: OwnOptions, context: Context) -> Dataset:
    from thbench.api import UserError

    if options.layout is None:
        raise UserError("dataset 'own_layout' has no layout", "--set dataset.layout=FILE.yaml")
    return _build(options.layout, options, context)


def _weights(options: Options) -> Sequence[str]:
    from thbench_crema_d.recipe import WEIGHTS

    return [weights.name for weights in WEIGHTS[options.backend]]


def _person(layout: Path, name: str) -> str | None:
    from thbench_recordings.layout import load_layout

    return load_layout(layout).person(name)


def _plugin(layout: Path) -> Plugin[Dataset, Any]:
    summary, people = _head(layout)
    return Plugin(
        layout.stem,
        Options,
        partial(_build, layout),
        version=VERSION,
        summary=summary,
        person=partial(_person, layout),
        people=people,
    )


def _head(layout: Path) -> tuple[str, Any]:
    """Title and people of a shipped layout, read without YAML: `thbench list` must stay quick."""
    with layout.open(encoding="utf-8") as lines:
        pairs = (line.rstrip("\n").partition(": ") for line in lines)
        found = {key: value for key, _, value in pairs if key in ("title", "people")}
    return found["title"], found["people"]


@hookimpl
def thbench_datasets() -> Iterable[Plugin[Dataset, Any]]:
    own = "any recordings whose layout a YAML file describes: names, actors, labels, sound"
    yield Plugin("own_layout", OwnOptions, _build_own, version=VERSION, summary=own)
    yield from (_plugin(path) for path in sorted(LAYOUTS.glob("*.yaml")))
