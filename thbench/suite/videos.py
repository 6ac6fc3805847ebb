"""A suite from the command line: any folders of videos against any dataset.

Which generator reads a folder and which metrics are measured stands in the shipped data file
`benchmarks/videos.yaml`, whose one system is the template of every `--videos NAME=DIR`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

from thbench.api import UserError
from thbench.files.yamlfile import read_yaml
from thbench.plugins.discovery import Registry
from thbench.suite import Suite, apply_override, benchmarks_folder, build_suite

TEMPLATE = "videos.yaml"


def adhoc_suite(
    registry: Registry,
    videos: Sequence[str],
    dataset: str | None,
    root: Path | None,
    overrides: Sequence[str],
) -> Suite:
    """`mine=DIR` texts, a dataset and its folder as a Suite. Raises UserError."""
    document = read_yaml(benchmarks_folder() / TEMPLATE)
    template = next(iter(document.data["systems"].values()))
    systems = {}
    for text in videos:
        name, equals, folder = text.partition("=")
        if not equals or not folder:
            raise UserError(f"--videos {text}: not NAME=DIR", "e.g. --videos mine=outputs")
        systems[name] = {**deepcopy(template), "root": str(Path(folder).absolute())}
    document.data["systems"] = systems
    if dataset:
        document.data["dataset"] = {"name": dataset}
    if root:
        document.data["dataset"]["root"] = str(root.absolute())
    for text in overrides:
        apply_override(document, text)
    document.overrides = tuple(overrides)
    return build_suite(document, registry)
