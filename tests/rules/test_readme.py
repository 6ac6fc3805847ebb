"""The README's tables name what there is; other files of the face of the project are well formed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

import thbench
from guards import some
from paths import ROOT
from thbench.plugins.discovery import registry

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_metric_of_the_readme_is_installed() -> None:
    table = README.split("## What it measures")[1].split("\n## ")[0]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")][1:]
    names = [name for row in some(rows) for name in re.findall(r"`([a-z_0-9]+)`", row)]
    assert len(names) > 15
    assert set(names) <= set(registry().names("metric"))


def test_the_citation_is_of_this_version() -> None:
    data = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (data["version"], data["license"]) == (thbench.__version__, "Apache-2.0")


@pytest.mark.parametrize("name", ["bug", "feature", "wrong_number"])
def test_issue_templates_are_forms(name: str) -> None:
    file = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    form = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    assert all(part["type"] in ("textarea", "input", "markdown") for part in some(form["body"]))


def test_every_action_of_a_workflow_is_pinned_by_commit() -> None:
    for file in some(sorted((ROOT / ".github" / "workflows").glob("*.yml"))):
        for used in re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{file.name}: {used}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_completion(shell: str) -> None:
    code = "from thbench.cli import cli; cli(prog_name='thbench')"
    environment = {"_THBENCH_COMPLETE": f"{shell}_source", "PATH": "/usr/bin:/bin"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert "_THBENCH_COMPLETE" in done.stdout


def test_the_image_installs_what_was_tested() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "-c /tmp/constraints.txt" in text
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
