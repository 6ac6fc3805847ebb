"""Making a recipe's program and environment on this machine, once for each lock file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from thbench.api import UserError
from thbench.files.atomic import atomic_write, disk_errors
from thbench.files.foreign import reading
from thbench.recipes.built import MARK, Built, digest_of, places, remember
from thbench.recipes.form import AboutForm

_ASK = (
    "import json, platform\n"
    "try:\n"
    "    from importlib.metadata import distributions\n"
    "    found = {d.metadata['Name'].lower(): d.version for d in distributions() if d.metadata['Name']}\n"
    "except ImportError:\n"
    "    import pkg_resources\n"
    "    found = {d.project_name.lower(): d.version for d in pkg_resources.working_set}\n"
    "print(json.dumps({'python': platform.python_version(), **dict(sorted(found.items()))}))\n"
)
"""Runs under any Python from 3.6 on."""


@dataclass(frozen=True)
class Building:
    """One build. `say` is given a line for every step, `lock` replaces what the recipe installs."""

    about: AboutForm
    recipe: Path
    name: str
    root: Path | None = None
    lock: Path | None = None

    def run(self) -> tuple[Built, list[str]]:
        """The build, remembered for `--with`, and what was done in words. Raises UserError."""
        self._check_programs()
        said: list[str] = []
        root = self._program(said)
        key = self._key(root)
        folder = places() / "environments" / f"{self.name}-{key[:16]}"
        with disk_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_beside(folder, "lock")):
            if (folder / MARK).is_file():
                said.append(f"environment {folder}: built before, from the same lock")
            else:
                shutil.rmtree(folder, ignore_errors=True)  # of a build that was cut off
                self._make(root, folder, key, said)
        built = self._built(root, folder, key)
        remember(self.recipe, built)
        return built, said

    def missing_weights(self, root: Path) -> Iterator[str]:
        """A line for each file of the weights that is not there, with where it is had and its licence."""
        for item in self.about.weights:
            if not (root / item.file).exists():
                yield f"{root / item.file}: {item.url} ({item.licence})"

    # -- the program ----------------------------------------------------------------------------

    def _program(self, said: list[str]) -> Path:
        """The folder that was given, or a clone of the pinned commit."""
        commit = self.about.commit
        if self.root is not None:
            root = self.root.resolve()
            if not root.is_dir():
                raise UserError(f"--root {self.root} is no folder", "give that of the program")
            if (root / ".git").exists() and (found := _head(root)) != commit:
                raise UserError(
                    f"{root} is at commit {found[:12]}, the recipe describes {commit[:12]}",
                    f"git -C {root} checkout {commit}",
                )
            return root
        root = places() / "programs" / f"{self.name}-{commit[:12]}"
        with disk_errors(root):
            root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_beside(root, "lock")):
            if not root.is_dir():
                _clone(self.about.repository, commit, root)
                said.append(f"program {root}: {self.about.repository} at {commit[:12]}")
        return root

    # -- the environment ------------------------------------------------------------------------

    @property
    def _lock(self) -> Path | None:
        """The file of pinned versions, given or beside the recipe."""
        if self.lock is not None:
            return self.lock
        named = self.about.environment.lock
        return self.recipe.parent / named if named else None

    def _key(self, root: Path) -> str:
        """SHA-256 over everything that decides what is installed."""
        wanted = self.about.environment
        total = hashlib.sha256(
            f"{self.name} {wanted.model_dump_json()} {self.about.commit}".encode()
        )
        files = [self._lock] if self._lock else []
        files += [root / wanted.file] if wanted.file and not self._lock else []
        words = [word for step in wanted.install for word in step]
        if not self._lock:
            files += [root / w for w in words if (root / w).is_file()]
        for file in files:
            with reading(file, "the recipe installs from it"):
                total.update(file.read_bytes())
        return total.hexdigest()

    def _make(self, root: Path, folder: Path, key: str, said: list[str]) -> None:
        log = _beside(folder, "build.log")  # conda wants to make the folder itself
        for argv in self._steps(root, folder, key):
            _step(argv, root, log)
        versions = self._versions(folder, key)
        wanted = self.about.environment
        if wanted.env in ("docker", "apptainer"):
            folder.mkdir(exist_ok=True)
        lock = _sha256(self._lock) if self._lock else ""
        record = {"environment": wanted.env, "key": key, "lock sha256": lock, "versions": versions}
        if wanted.env not in ("docker", "apptainer"):
            pins = [f"{n}=={v}" for n, v in versions.items() if n != "python"]
            atomic_write(folder / "lock.txt", "\n".join(pins) + "\n")
        atomic_write(folder / MARK, json.dumps(record, indent=1) + "\n")
        said.append(f"environment {folder}: {wanted.env}, {len(versions)} versions recorded")

    def _steps(self, root: Path, folder: Path, key: str) -> Iterator[list[str]]:
        wanted, lock = self.about.environment, self._lock
        if wanted.env == "uv":
            yield ["uv", "venv", "--python", wanted.python, "--allow-existing", str(folder)]
            pip = ["uv", "pip", "install", "--python", str(folder / "bin" / "python")]
            yield from _pip(pip, lock, wanted.install)
        elif wanted.env == "venv":
            yield [_interpreter(wanted.python), "-m", "venv", str(folder)]
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install"]
            yield from _pip(pip, lock, wanted.install)
        elif wanted.env == "conda":
            yield from self._conda(root, folder)
        elif wanted.env == "docker":
            yield [
                "docker",
                "build",
                "--tag",
                self._tag(key),
                "--file",
                str(root / wanted.file),
                ".",
            ]
        else:
            folder.mkdir()
            yield ["apptainer", "build", str(folder / "image.sif"), str(root / wanted.file)]

    def _conda(self, root: Path, folder: Path) -> Iterator[list[str]]:
        wanted, lock = self.about.environment, self._lock
        at = ["--yes", "--prefix", str(folder)]
        if lock is not None:
            yield ["conda", "create", *at, "--file", str(lock)]
            return
        if wanted.file:
            yield ["conda", "env", "create", *at, "--file", str(root / wanted.file)]
        else:
            python = [f"python={wanted.python}"] if wanted.python else []
            yield ["conda", "create", *at, *python, *wanted.packages]
        yield from _pip(
            [str(folder / "bin" / "python"), "-m", "pip", "install"], None, wanted.install
        )

    def _tag(self, key: str) -> str:
        return f"thbench-{self.name.lower()}:{key[:16]}"

    def _versions(self, folder: Path, key: str) -> dict[str, str]:
        """As the environment itself says them."""
        env = self.about.environment.env
        if env == "docker":
            argv = ["docker", "image", "inspect", "--format", "{{.Id}}", self._tag(key)]
            return {"image id": _output(argv).strip()}
        if env == "apptainer":
            return {"image sha256": _sha256(folder / "image.sif")}
        text = _output([str(folder / "bin" / "python"), "-I", "-c", _ASK])
        with reading("what the interpreter says of its packages"):
            found: dict[str, str] = json.loads(text)
        return found

    def _built(self, root: Path, folder: Path, key: str) -> Built:
        env = self.about.environment.env
        image = {"docker": self._tag(key), "apptainer": str(folder / "image.sif")}.get(env, "")
        python = "" if image else str(folder / "bin" / "python")
        with reading(folder / MARK):
            data = json.loads((folder / MARK).read_text(encoding="utf-8"))
        versions: Mapping[str, str] = data["versions"]
        return Built(digest_of(self.recipe), str(root), key, python, image, versions)

    def _check_programs(self) -> None:
        """Raises UserError for a program that this needs and the PATH has not."""
        wanted = self.about.environment
        needed: list[str] = [] if wanted.env == "venv" else [wanted.env]
        needed += ["git"] if self.root is None else []
        for program in needed:
            if shutil.which(program) is None:
                raise UserError(
                    f"{self.name} needs {program}, not on the PATH", f"install {program}"
                )


def missing_programs(about: AboutForm) -> list[str]:
    """Programs the program itself calls that the PATH has not."""
    return [name for name in about.environment.needs if shutil.which(name) is None]


def _pip(
    pip: Sequence[str], lock: Path | None, install: Sequence[Sequence[str]]
) -> Iterator[list[str]]:
    """Everything a lock names and nothing besides, or the recipe's own steps."""
    if lock is not None:
        yield [*pip, "--no-deps", "-r", str(lock)]
        return
    for words in install:
        yield [*pip, *words]


def _interpreter(version: str) -> str:
    """One that runs and is this version. Raises UserError."""
    short = ".".join(version.split(".")[:2])
    for name in (f"python{short}", sys.executable):
        found = shutil.which(name)
        if found is None:
            continue
        code = "import platform; print(platform.python_version())"
        try:
            text = _output([found, "-I", "-c", code])
        except UserError:  # a shim of a version that is not installed
            continue
        if f"{text.strip()}.".startswith(f"{version}."):
            return found
    raise UserError(f"Python {version} is not here", "install it, or env: uv, which fetches it")


def _clone(repository: str, commit: str, root: Path) -> None:
    """The one commit, whole or not at all."""
    partial = _beside(root, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    git = ["git", "-C", str(partial)]
    log = _beside(root, "log")
    _step([*git, "init", "--quiet"], partial, log)
    _step([*git, "fetch", "--depth", "1", repository, commit], partial, log)
    _step([*git, "checkout", "--quiet", commit], partial, log)
    partial.rename(root)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.parent / f"{folder.name}.{suffix}"


def _head(root: Path) -> str:
    return _output(["git", "-C", str(root), "rev-parse", "HEAD"]).strip()


def _step(argv: Sequence[str], folder: Path, log: Path) -> None:
    """Run to its end, all it prints in `log`. Raises UserError with the last lines."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with disk_errors(log), log.open("ab") as output:
        output.write(f"$ {' '.join(argv)}\n".encode())
        output.flush()
        try:
            code = subprocess.run(  # noqa: S603
                argv,
                cwd=folder,
                env={**clean, "GIT_TERMINAL_PROMPT": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        except OSError as error:
            raise UserError(f"{argv[0]}: {error.strerror}", f"install {argv[0]}") from None
    if code:
        with reading(log):
            said = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise UserError(
            f"`{' '.join(argv)[:200]}` ended with {code}: {' '.join(said)[-400:]}",
            f"all of it: {log}",
        )


def _output(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            argv, capture_output=True, text=True, timeout=120, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"{argv[0]}: {str(error)[:200]}", "run it by hand") from None
    return done.stdout


def _sha256(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
