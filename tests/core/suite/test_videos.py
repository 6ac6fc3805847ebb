"""A suite from `--videos NAME=DIR`: the shipped template, once for each folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from thbench.errors import UserError
from thbench.plugins import registry
from thbench.suite import Suite
from thbench.suite.videos import Asked, videos_suite


def suite(*videos: str, root: Path | None = None, overrides: tuple[str, ...] = ()) -> Suite:
    return videos_suite(registry(), Asked(videos, root, overrides=overrides))[0]


def test_every_folder_is_a_system_read_by_the_templates_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    found = suite("a=here", f"b={tmp_path / 'there'}", root=tmp_path)
    assert [s.name for s in found.systems] == ["a", "b"]
    parts = [s.part for s in found.systems if s.part is not None]
    assert [p.plugin.name for p in parts] == ["folder", "folder"]
    assert [p.options.root for p in parts] == [tmp_path / "here", tmp_path / "there"]
    assert {s.resolution for s in found.systems} == {128}
    assert found.dataset.plugin.name == "clips"
    assert found.dataset.options.root == tmp_path


def test_the_dataset_is_replaced_with_its_options(tmp_path: Path) -> None:
    asked = Asked([f"a={tmp_path}"], dataset="toy", overrides=["dataset.n_actors=2"])
    found, _ = videos_suite(registry(), asked)
    assert found.dataset.plugin.name == "toy"
    assert found.dataset.options.n_actors == 2
    assert found.overrides == ("dataset.n_actors=2",)


def test_anything_can_be_changed_for_one_system(tmp_path: Path) -> None:
    changes = ("systems.a.resolution=64", "metrics=[psnr]", "primary=psnr")
    found = suite(f"a={tmp_path}", f"b={tmp_path}", root=tmp_path, overrides=changes)
    assert [s.resolution for s in found.systems] == [64, 128]
    assert found.primary == "psnr"
    assert [m.plugin.name for m in found.metrics] == ["psnr"]


def test_other_metrics_bring_their_own_primary_score(tmp_path: Path) -> None:
    """However they were named; the template's would be a score that nobody computes."""
    typed = suite(f"a={tmp_path}", root=tmp_path, overrides=("metrics=[f_mse]",))
    assert typed.primary == "f_mse"
    given = Asked([f"a={tmp_path}"], references=tmp_path, metrics="f_mse,psnr")
    assert videos_suite(registry(), given)[0].primary == "f_mse"


@pytest.mark.parametrize("text", ["folder", "=folder/../x"[1:], "name="])
def test_what_is_not_name_and_folder_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not NAME=DIR"):
        suite(text, root=tmp_path)


def test_a_name_that_controls_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="looks like the control"):
        suite(f"ground-truth={tmp_path}", root=tmp_path)
