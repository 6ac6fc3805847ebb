"""Temporary Python environments that see everything installed here, and what a test adds to them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

QUIET = ("-q", "--disable-pip-version-check", "--no-index", "--no-build-isolation")


@dataclass(frozen=True)
class Environment:
    """A venv; nothing in it but links to this environment's packages."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, *what: object) -> None:
        """pip-install projects or wheels: no network, nothing but themselves."""
        self._pip("install", *QUIET, *map(str, what))

    def uninstall(self, *names: str) -> None:
        self._pip("uninstall", "-q", "-y", *names)

    def _pip(self, *words: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *words]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)

    def thbench(
        self, *words: object, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The command line of this environment."""
        command = [str(self.python), "-m", "thbench", *map(str, words)]
        variables = {**os.environ, **environment}
        return subprocess.run(
            command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=600
        )


def make_environment(folder: Path) -> Environment:
    """A venv without pip whose .pth brings in this interpreter's site-packages, with its own .pth files."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    parents = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(parents)]
    (site / "parent.pth").write_text("\n".join(lines) + "\n")
    return Environment(folder)


def build_wheel(project: Path, into: Path) -> Path:
    """The wheel of a project whose backend is hatchling."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=300)
    (wheel,) = into.glob("*.whl")
    return wheel
