"""`thbench recipe build`: real virtual environments, and conda, docker, apptainer and uv by stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fake_containers import executable, install, recorded
from thbench.errors import UserError
from thbench.files.yamlfile import read_yaml
from thbench.recipes.build import Building, missing_programs
from thbench.recipes.built import MARK, built_of, places
from thbench.recipes.form import about_of

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
_MAKES = """\
#!{python} -I
import pathlib, sys
words = sys.argv[1:]
with open({record!r}, "a") as file:
    print("\\x1f".join([{name!r}, *words]), file=file)
assert words[0] in ("venv", "pip", "create", "env"), words
folder = words[words.index("--prefix") + 1] if "--prefix" in words else words[-1]
if words[0] != "pip":
    import venv
    assert {name!r} == "uv" or not pathlib.Path(folder).exists(), "conda makes the folder itself"
    venv.create(folder, with_pip=False, symlinks=True)
"""


def git(folder: Path, *words: str) -> str:
    given = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.org",
        *words,
    ]
    return subprocess.run(given, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A program as published: a git repository with a package that pip can install."""
    folder = tmp_path / "published"
    (folder / "shiny").mkdir(parents=True)
    (folder / "shiny" / "__init__.py").write_text("")
    (folder / "run.py").write_text("print('hello')\n")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "requirements.txt").write_text("# nothing\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THBENCH_CACHE", str(tmp_path / "cache"))


def recipe(tmp_path: Path, repository: Path, environment: dict[str, Any], **system: Any) -> Path:
    data = {
        "recipe": {
            "title": "Shiny",
            "repository": repository.as_uri(),
            "commit": git(repository, "rev-parse", "HEAD"),
            "licence": "MIT",
            "tested": "here",
            "published": "python run.py",
            "environment": environment,
            "weights": [{"file": "w.pth", "url": "https://example.org/w.pth", "licence": "MIT"}],
            "framing": {"mode": "pasted-back", "size": 64},
            "output": {"name": "x", "codec": "x", "fps": "25", "length": "x"},
            "training": {"declared": "nothing"},
        },
        "systems": {"shiny": {"generator": "command", "resolution": 64, "argv": ["x"], **system}},
    }
    path = tmp_path / "shiny.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def building(path: Path, **more: Any) -> Building:
    about = about_of(read_yaml(path))
    assert about is not None
    return Building(about, path, "shiny", **more)


@pytest.mark.slow
def test_a_virtual_environment_is_built_once_for_each_lock(
    tmp_path: Path, repository: Path
) -> None:
    environment = {"env": "venv", "python": VERSION, "install": [["-r", "requirements.txt"]]}
    path = recipe(tmp_path, repository, environment)
    built, said = building(path).run()
    assert Path(built.root, "run.py").is_file() and git(Path(built.root), "rev-parse", "HEAD")
    assert (
        subprocess.run(
            [built.python, "-c", "import sys; sys.exit(sys.prefix == sys.base_prefix)"]
        ).returncode
        == 0
    )
    assert built.versions is not None
    assert built.versions["python"].startswith(VERSION) and "pip" in built.versions
    assert any("versions recorded" in line for line in said)
    again, said = building(path).run()
    assert again == built == built_of(path)
    assert said == [
        f"environment {Path(built.python).parents[1]}: built before, from the same lock"
    ]
    lock = tmp_path / "lock.txt"
    lock.write_text("# none\n")
    other, _ = building(path, lock=lock).run()
    assert other.key != built.key and other.root == built.root
    pins = (Path(built.python).parents[1] / "lock.txt").read_text()
    assert f"pip=={built.versions['pip']}" in pins
    assert list(building(path).missing_weights(Path(built.root))) == [
        f"{built.root}/w.pth: https://example.org/w.pth (MIT)"
    ]


@pytest.mark.slow
def test_a_build_that_was_cut_off_is_made_anew(tmp_path: Path, repository: Path) -> None:
    path = recipe(tmp_path, repository, {"env": "venv", "python": VERSION})
    built, _ = building(path).run()
    (Path(built.python).parents[1] / MARK).unlink()
    _, said = building(path).run()
    assert any("versions recorded" in line for line in said)


@pytest.mark.slow
def test_a_step_that_fails_says_which_and_why(tmp_path: Path, repository: Path) -> None:
    environment = {
        "env": "venv",
        "python": VERSION,
        "install": [["--no-index", "no-such-package-x"]],
    }
    path = recipe(tmp_path, repository, environment)
    with pytest.raises(
        UserError, match=r"no-such-package-x.* ended with 1: .*No matching distribution"
    ):
        building(path).run()
    assert built_of(path) is None
    with pytest.raises(UserError, match="ended with 1"):
        building(path).run()


@pytest.mark.slow
def test_a_folder_that_is_here_must_be_that_commit(tmp_path: Path, repository: Path) -> None:
    path = recipe(tmp_path, repository, {"env": "venv", "python": VERSION})
    built, _ = building(path, root=repository).run()
    assert built.root == str(repository.resolve())
    (repository / "more").write_text("x")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "second")
    with pytest.raises(UserError, match=r"git -C .* checkout"):
        building(path, root=repository).run()


def test_a_python_that_is_not_here(tmp_path: Path, repository: Path) -> None:
    path = recipe(tmp_path, repository, {"env": "venv", "python": "3.6"})
    with pytest.raises(UserError, match=r"Python 3.6 is not here — install it, or env: uv"):
        building(path).run()


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    record = install(tmp_path / "bin", ("docker", "apptainer"))
    for name in ("conda", "uv"):
        text = _MAKES.format(python=sys.executable, record=str(record), name=name)
        executable(tmp_path / "bin" / name, text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return record


def test_the_words_for_uv(tmp_path: Path, repository: Path, stand_ins: Path) -> None:
    environment = {"env": "uv", "python": "3.10", "install": [["-r", "requirements.txt"], ["."]]}
    built, _ = building(recipe(tmp_path, repository, environment)).run()
    folder = str(Path(built.python).parents[1])
    made, first, second = recorded(stand_ins)
    assert made == ["uv", "venv", "--python", "3.10", "--allow-existing", folder]
    assert first == ["uv", "pip", "install", "--python", built.python, "-r", "requirements.txt"]
    assert second[-1] == "."


def test_the_words_for_conda(tmp_path: Path, repository: Path, stand_ins: Path) -> None:
    environment = {"env": "conda", "python": "3.8", "packages": ["-c", "pytorch", "ffmpeg"]}
    built, _ = building(recipe(tmp_path, repository, environment)).run()
    folder = str(Path(built.python).parents[1])
    (words,) = recorded(stand_ins)
    assert words == [
        "conda",
        "create",
        "--yes",
        "--prefix",
        folder,
        "python=3.8",
        "-c",
        "pytorch",
        "ffmpeg",
    ]
    lock = tmp_path / "explicit.txt"
    lock.write_text("@EXPLICIT\n")
    building(recipe(tmp_path, repository, environment), lock=lock).run()
    assert recorded(stand_ins)[-1][-2:] == ["--file", str(lock)]
    (repository / "environment.yaml").write_text("name: x\n")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "environment")
    building(recipe(tmp_path, repository, {"env": "conda", "file": "environment.yaml"})).run()
    words = recorded(stand_ins)[-1]
    assert words[1:4] == ["env", "create", "--yes"] and words[-1].endswith("/environment.yaml")


def test_the_words_for_docker(tmp_path: Path, repository: Path, stand_ins: Path) -> None:
    path = recipe(tmp_path, repository, {"env": "docker", "file": "Dockerfile"})
    built, _ = building(path).run()
    assert built.image == f"thbench-shiny:{built.key[:16]}" and not built.python
    assert built.versions == {"image id": "sha256:0123456789abcdef"}
    build, inspect = recorded(stand_ins)
    assert build[1:4] == ["build", "--tag", built.image] and build[-1] == "."
    assert inspect[1:3] == ["image", "inspect"]


def test_the_words_for_apptainer(
    tmp_path: Path, repository: Path, stand_ins: Path, monkeypatch
) -> None:
    path = recipe(tmp_path, repository, {"env": "apptainer", "file": "Dockerfile"})
    monkeypatch.setattr("thbench.recipes.build._sha256", lambda _: "ab" * 32)
    built, _ = building(path).run()
    (words,) = recorded(stand_ins)
    assert words[:2] == ["apptainer", "build"] and words[2] == built.image
    assert built.image.endswith("/image.sif") and built.versions == {"image sha256": "ab" * 32}


def test_what_the_path_lacks_is_named(tmp_path: Path, repository: Path, monkeypatch) -> None:
    path = recipe(tmp_path, repository, {"env": "conda", "needs": ["no-such-ffmpeg"]})
    about = about_of(read_yaml(path))
    assert about is not None and missing_programs(about) == ["no-such-ffmpeg"]
    monkeypatch.setattr("thbench.recipes.build.shutil.which", lambda _: None)
    with pytest.raises(UserError, match="needs conda, not on the PATH"):
        building(path).run()


@pytest.mark.slow
def test_the_record_is_data(tmp_path: Path, repository: Path) -> None:
    path = recipe(tmp_path, repository, {"env": "venv", "python": VERSION})
    building(path).run()
    (file,) = (places() / "built").glob("*.json")
    file.write_text(json.dumps({"root": 1}))
    assert built_of(path) is None
