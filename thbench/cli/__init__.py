"""Command line of thbench: one module per command."""

from thbench.cli.main import cli, main

__all__ = ["cli", "main"]
