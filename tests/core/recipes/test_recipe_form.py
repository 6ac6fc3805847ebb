"""Recipe files: what they say, what is refused, how they complete a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runs import SUITE
from thbench.errors import UserError
from thbench.files.yamlfile import read_yaml
from thbench.plugins.discovery import registry
from thbench.recipes.built import Built, digest_of, remember
from thbench.recipes.find import find_recipe, name_of, recipe_names
from thbench.recipes.form import about_of, systems_of
from thbench.suite import load_suite


def about(**more: Any) -> dict[str, Any]:
    return {
        "title": "Mine",
        "repository": "https://example.org/mine",
        "commit": "0" * 40,
        "licence": "MIT",
        "tested": "not",
        "published": "python run.py",
        "environment": {"env": "venv", "python": "3.11"},
        "framing": {"mode": "pasted-back", "size": 256},
        "output": {"name": "x", "codec": "H.264", "fps": "25", "length": "as the sound"},
        "training": {"declared": "HDTF"},
        **more,
    }


def written(folder: Path, recipe: Any, **entry: Any) -> Path:
    path = folder / "mine.yaml"
    system = {
        "generator": "command",
        "resolution": 64,
        "argv": ["{python}", "{root}/run.py"],
        **entry,
    }
    data = {"systems": {"mine": system}}
    path.write_text(yaml.safe_dump({"recipe": recipe, **data} if recipe else data))
    return path


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_says_everything(name: str) -> None:
    document = read_yaml(find_recipe(name))
    found = about_of(document)
    assert found is not None and list(systems_of(document)) == [name]
    assert found.weights and found.quirks and found.training.declared
    assert found.environment.needs == ["ffmpeg"], "all of them call it"
    files = {w.file for w in found.weights}
    assert set(systems_of(document)[name]["needs"]) <= files
    assert name_of(find_recipe(name)) == name


@pytest.mark.parametrize(
    ("recipe", "entry", "says"),
    [
        (about(titel="x"), {}, "mine.yaml:\\d+: unknown key 'titel' — did you mean 'title'"),
        (about(commit="main"), {}, "recipe.commit"),
        (about(environment={"env": "poetry"}), {}, "recipe.environment.env"),
        (about(environment={"env": "uv"}), {}, "env: uv needs python"),
        (about(environment={"env": "docker"}), {}, "env: docker needs file"),
        (about(environment={"env": "conda", "file": "../x"}), {}, "leaves its folder"),
        (about(framing={"mode": "own-crop", "size": 512}), {}, "crop: own-face"),
        (about(), {"crop": "own-face"}, "framing is declared pasted-back, and crop is own-face"),
        ("x", {}, "a mapping of keys"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path: Path, recipe: Any, entry: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        about_of(read_yaml(written(tmp_path, recipe, **entry)))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'hallo2'"):
        find_recipe("halo2")


def test_a_suite_takes_folder_and_interpreter_of_the_build(tmp_path: Path) -> None:
    path = written(tmp_path, about())
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE)

    def options(*overrides: str) -> Any:
        loaded = load_suite(suite, registry(), overrides, recipes=[str(path)])
        part = next(s for s in loaded.systems if s.name == "mine").part
        assert part is not None
        return part.options

    assert options().root is None
    root, python = tmp_path / "root", tmp_path / "python"
    root.mkdir()
    python.write_text("")
    remember(path, Built(digest_of(path), str(root), "k", str(python)))
    assert (options().root, options().python) == (root, python)
    assert options("systems.mine.python=/other").python == Path("/other")
    path.write_text(path.read_text() + "# changed\n")
    assert options().root is None, "another recipe is another program"


def test_an_image_has_the_name_of_its_build(tmp_path: Path) -> None:
    wanted = about(environment={"env": "docker", "file": "Dockerfile"})
    path = written(tmp_path, wanted, runtime="docker", image="not-built", argv=["python", "x"])
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE)
    remember(path, Built(digest_of(path), str(tmp_path), "k", image="thbench-mine:0123"))
    loaded = load_suite(suite, registry(), recipes=[str(path)])
    part = next(s for s in loaded.systems if s.name == "mine").part
    assert part is not None and part.options.image == "thbench-mine:0123"
