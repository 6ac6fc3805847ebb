"""What a program runs on, as it is installed here: the interpreter, its packages, the image."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from thbench.api import UserError, reading
from thbench_external.command_options import CommandOptions

__all__ = ["versions_of"]

_SECONDS = 60.0
_MOST = 1 << 20  # bytes of its answer
_MOST_PACKAGES = 1000
_RECORD = "thbench-environment.json"
_ASK = """\
import json, platform
found = {"python": platform.python_version()}
try:
    from importlib.metadata import distributions
    pairs = [(d.metadata["Name"], d.version) for d in distributions()]
except ImportError:
    import pkg_resources
    pairs = [(d.project_name, d.version) for d in pkg_resources.working_set]
found.update(sorted(("package " + str(n).lower(), str(v)) for n, v in pairs if n))
print(json.dumps(found))
"""
"""Runs under any Python from 3.6 on."""


def versions_of(options: CommandOptions) -> Mapping[str, str]:
    """Name -> version, empty where the program is none of Python's and has no image."""
    if options.runtime == "docker":
        return {"image": options.image, "image id": _docker_id(options.image)}
    if options.runtime == "apptainer":
        return {"image": Path(options.image).name, "image sha256": _sha256(Path(options.image))}
    return {} if options.python is None else _of_python(options.python.absolute())


@lru_cache(maxsize=16)
def _of_python(python: Path) -> Mapping[str, str]:
    built = _built(python)
    try:
        text = _output([str(python), "-I", "-c", _ASK])
        with reading("its answer"):
            found = json.loads(text.strip().splitlines()[-1])
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (OSError, subprocess.SubprocessError, ValueError, UserError) as error:
        return {**built, "python": f"unknown ({type(error).__name__})"}
    pairs = list(found.items())[: _MOST_PACKAGES + 1]
    return {**built, **{str(k)[:100]: str(v)[:100] for k, v in pairs}}


def _built(python: Path) -> dict[str, str]:
    """What `thbench recipe build` wrote beside the interpreter."""
    file = python.parent.parent / _RECORD
    try:
        with reading(file):
            data = json.loads(file.read_text(encoding="utf-8"))
    except UserError:
        return {}
    kept = ("environment", "lock sha256")
    return {k: str(data[k]) for k in kept if k in data} if isinstance(data, dict) else {}


@lru_cache(maxsize=16)
def _docker_id(image: str) -> str:
    program = shutil.which("docker")
    if program is None:
        return "unknown"
    try:
        return _output([program, "image", "inspect", "--format", "{{.Id}}", image]).strip()[:200]
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@lru_cache(maxsize=16)
def _sha256(path: Path) -> str:
    try:
        with reading(path), path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except UserError:
        return "unknown"


def _output(argv: list[str]) -> str:
    done = subprocess.run(  # noqa: S603
        argv, capture_output=True, text=True, timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout[:_MOST]
