"""Libraries that some exports need: optional, named with the command that installs them."""

from __future__ import annotations

from importlib.util import find_spec

from thbench.api import UserError


def need(module: str, extra: str) -> None:
    """Raises UserError where `module` is not installed."""
    if find_spec(module) is None:
        raise UserError(f"--to {extra} needs {module}", f"pip install 'thbench[{extra}]'")
