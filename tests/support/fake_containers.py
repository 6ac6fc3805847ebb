"""Programs that stand in for docker, apptainer, conda and uv: they check their words and do the work here.

No image and no conda environment can be had where the tests run; what is proved with these is that the words
are well formed and that what follows from them is handled.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from pathlib import Path

_CONTAINER = """\
#!{python} -I
import os, sys
words = sys.argv[1:]
with open({record!r}, "a") as file:
    print("\\x1f".join([{name!r}, *words]), file=file)
if words[:2] == ["image", "inspect"]:
    print("sha256:0123456789abcdef")
    sys.exit()
if words[0] in ("rm", "build", "pull"):
    sys.exit()
assert words[0] in ("run", "exec"), words
ALONE = {{"--rm", "--init", "--interactive", "--containall", "--no-home", "--no-eval", "--net", "--nv"}}
environment, folder, seen, i = {{"PATH": os.environ["PATH"]}}, "/", [], 1
while words[i].startswith("--"):
    word = words[i]
    if word in ALONE:
        i += 1
        continue
    value = words[i + 1]
    if word == "--env":
        key, _, text = value.partition("=")
        environment[key] = text
    elif word in ("--workdir", "--pwd"):
        folder = value
    elif word == "--mount":
        parts = dict(p.partition("=")[::2] for p in value.split(","))
        assert parts["type"] == "bind" and parts["src"] == parts["dst"], value
        seen.append(parts["src"])
    elif word == "--bind":
        source, target, *_ = value.split(":")
        assert source == target, value
        seen.append(source)
    i += 2
image, argv = words[i], words[i + 1:]
assert any(os.path.realpath(folder).startswith(os.path.realpath(s)) for s in seen), "folder not mounted"
os.chdir(folder)
if argv[0] == "python":
    argv = [{python!r}, *argv[1:]]
os.execvpe(argv[0], argv, environment)
"""


def install(folder: Path, names: Iterable[str]) -> Path:
    """Executables in `folder`, to be put on PATH; returns the record of the words they were given."""
    record = folder / "record.txt"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        executable(
            folder / name, _CONTAINER.format(python=sys.executable, record=str(record), name=name)
        )
    return record


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP)


def recorded(record: Path) -> list[list[str]]:
    return [line.split("\x1f") for line in record.read_text().splitlines()]
