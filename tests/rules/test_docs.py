"""The docs say what the code does: commands, hooks, options, README commands."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from guards import some
from paths import ROOT
from thbench.cli.main import cli
from thbench.controls import ABOUT, CONTROLS
from thbench.plugins.discovery import registry
from thbench.suite import load_suite
from thbench.suite.form import MetricForm, SuiteForm, SystemForm

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def reference() -> str:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_the_reference_page_is_current() -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == reference(), "run: python docs/make_reference.py"


def test_every_key_of_a_suite_is_documented() -> None:
    text = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
    for form in (SuiteForm, SystemForm, MetricForm):
        for name, field in form.model_fields.items():
            if name != "options":
                assert re.search(rf"\b{field.alias or name}:", text), name
    for control in CONTROLS:
        assert f"| {control} |" in text
        assert control in ABOUT


def test_the_documented_suite_loads(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "suites.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[:2]
    file = tmp_path / "suite.yaml"
    file.write_text(first)
    assert load_suite(file, registry()).systems[0].name == "mine"
    (tmp_path / "split.yaml").write_text(second)
    from thbench.suite.split import load_manifest

    assert load_manifest(tmp_path / "split.yaml").test == ("1001",)


def shell_lines(page: Path) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    parts = [p.strip() for line in joined.splitlines() for p in line.split("&&")]
    return [p for p in parts if "thbench " in p and not p.startswith("#")]


@pytest.mark.parametrize("page", list(filter(shell_lines, PAGES)), ids=lambda p: p.name)
def test_every_documented_command_exists_with_its_options(page: Path) -> None:
    for line in some(shell_lines(page)):
        words = shlex.split(line, comments=True)
        start = next((i for i, w in enumerate(words) if w.split("/")[-1] == "thbench"), None)
        if start is None:
            continue
        command: click.Command = cli
        rest = words[start + 1 :]
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, f"{page.name}: {line}"
            command, rest = command.commands[rest[0]], rest[1:]
        known = {o for p in command.params for o in p.opts} | {"--help", "-h"}
        for word in rest:
            if word.startswith("-") and not word.lstrip("-")[:1].isdigit():
                assert word.split("=")[0] in known, f"{page.name}: {line}: {word}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in some(PAGES):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_every_page_named_in_messages_exists() -> None:
    for file in some((ROOT / "thbench").rglob("*.py")):
        for name in re.findall(r"docs/[a-z_]+\.md", file.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{file.name} names {name}"


def test_every_shipped_suite_is_valid() -> None:
    for path in some(sorted((ROOT / "benchmarks").glob("*.yaml"))):
        assert load_suite(path, registry()).digest


def test_the_published_schema_is_current() -> None:
    from thbench.results.document import json_schema

    written = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
    assert written == json_schema(), "run: thbench schema > docs/result.schema.json"


def test_the_readme_generator_is_what_new_writes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    assert len([line for line in shown.splitlines() if line.strip()]) <= 15
    template = (ROOT / "thbench/plugins/templates/generator/module.py.j2").read_text(
        encoding="utf-8"
    )
    assert shown == template.replace("{{ title }}", "Mine").replace("{{ name }}", "mine") + "\n" * (
        not template.endswith("\n")
    )


def marked_blocks(page: Path) -> list[str]:
    """What stands in the line before each block of commands."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [lines[i - 1] for i, line in enumerate(lines) if line == "```bash"]


@pytest.mark.parametrize("page", list(filter(marked_blocks, PAGES)), ids=lambda p: p.name)
def test_every_block_of_commands_runs_in_ci_or_says_why_not(page: Path) -> None:
    for mark in some(marked_blocks(page)):
        assert re.fullmatch(r"<!-- (run|videos|test|runs|not run: .{10,}) -->", mark), mark


def test_ci_runs_every_page_with_runnable_blocks() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pages = [p for p in PAGES if "<!-- runs -->" in marked_blocks(p)]
    for page in some(pages):
        assert f"runs {page.relative_to(ROOT)}" in script


def test_every_page_has_a_place_on_the_site() -> None:
    import yaml

    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"[a-z_]+\.md", text[text.index("nav:") :]))
    assert named == {p.name for p in (ROOT / "docs").glob("*.md")}
    assert yaml.safe_load(text)["docs_dir"] == "docs"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip(
        "mkdocs", reason="not installed: pip install 'thbench[docs]'; .ci/run builds it"
    )
    words = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "-q",
        "--strict",
        "-d",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
