"""Whatever is kept is kept by the code that made it: a change in a used module is a new key everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runs import start
from thbench.api import Clip, UserError
from thbench.environment import Settings
from thbench.files.yamlfile import Document
from thbench.plugins import registry, sources
from thbench.plugins.context import CachedExtractor, RunContext, build
from thbench.plugins.options import resolve_options
from thbench.score.keys import KeyBook

SUITE = """\
schema: 1
name: toys
dataset: {name: toy}
split: all
systems:
  echo: {generator: toy-echo, resolution: 32}
metrics: [toy-extracted]
"""
Plant = Callable[[str], None]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Change a module as far as digests can tell; undone when the test ends."""
    original = sources._found

    def planted(module: str) -> None:
        path = sources._file_of(module)
        assert path is not None, module

        def found(file: Path, name: str, mtime: int) -> tuple[str, frozenset[str]]:
            digest, imports = original(file, name, mtime)
            return digest + ("planted" if file == path else ""), imports

        monkeypatch.setattr(sources, "_found", found)
        sources.forget()

    yield planted
    monkeypatch.undo()
    sources.forget()


def built(kind: str, name: str, **options: Any) -> Any:
    registered = registry().find(kind, name)
    resolved = resolve_options(registered.plugin, options, Document(name, options), (), kind)
    return build(registered, resolved, registry(), Settings())


def keys_of(folder: Path) -> tuple[str, str]:
    """The keys of an observation and of a reduction, of a job that is loaded anew."""
    book = KeyBook(start(folder, SUITE).job)
    record = {"digest": "d", "n_frames": 10}
    return book.observation(0, Clip("a", "b"), record, record), book.reduction(0, ["x"], ["y"])


@pytest.mark.parametrize("module", ["thbench_toys", "toy_work"])
def test_observations_and_reductions(tmp_path: Path, plant: Plant, module: str) -> None:
    before = keys_of(tmp_path / "a")
    assert keys_of(tmp_path / "b") == before
    plant(module)
    changed = [b != a for b, a in zip(before, keys_of(tmp_path / "c"), strict=True)]
    assert (
        changed == [module == "thbench_toys"] * 2
    )  # toy_work is not imported by the metric's module


def test_features(plant: Plant) -> None:
    registered = registry().find("extractor", "toy-levels")

    def base() -> dict[str, Any]:
        options = resolve_options(registered.plugin, {}, Document("x", {}), (), "extractor")
        return CachedExtractor(registered, options, registry(), Settings())._base

    before = base()
    assert base() == before
    plant("thbench_toys")
    assert base() != before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("thbench_toys", "dataset code"),
        ("thbench.video.reader", "media code"),
        ("thbench.video.pixels", "media code"),
    ],
)
def test_references_and_videos_are_not_kept_by_other_code(
    tmp_path: Path, plant: Plant, module: str, says: str
) -> None:
    start(tmp_path, SUITE).generate()
    start(tmp_path, SUITE).generate()  # the same code: continued
    plant(module)
    with pytest.raises(UserError, match="--out FOLDER") as caught:
        start(tmp_path, SUITE).generate()
    assert says in str(caught.value)


def test_checkpoints_say_which_training_code_made_them(plant: Plant) -> None:
    before = sources.code_digest("thbench.training.run")
    plant("thbench.training.loop")
    assert sources.code_digest("thbench.training.run") != before


@pytest.mark.parametrize("module", ["thbench_puppet.render", "thbench_puppet.speech"])
def test_drawn_clips(plant: Plant, module: str) -> None:
    before = built("dataset", "puppet").cache
    plant(module)
    assert built("dataset", "puppet").cache != before


@pytest.mark.parametrize(
    "module", ["thbench_face.box", "thbench_face.track", "thbench.video.reader"]
)
def test_prepared_recordings(plant: Plant, module: str) -> None:
    before = built("dataset", "crema_d").prepared.recipe
    plant(module)
    assert built("dataset", "crema_d").prepared.recipe != before


@pytest.mark.parametrize("module", ["thbench_face.track", "thbench_face.detector"])
def test_squares_around_heads(plant: Plant, module: str) -> None:
    from thbench_clips.crop import CODE

    context = RunContext(registry(), Settings(), "clips")
    before = context.source(*CODE)
    plant(module)
    assert context.source(*CODE) != before
