"""`thbench export`: every target read back by its own library; what is missing is never a number."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from guards import some
from runs import SUITE, start
from thbench.cli.export import TARGETS as NAMED
from thbench.errors import UserError
from thbench.export.latex import latex_text
from thbench.export.records import clip_records, score_records
from thbench.export.selection import Selection, select
from thbench.export.targets import TARGETS, How, content, export

TEXT = SUITE.replace(
    "resolution: 32}\n",
    "resolution: 32}\n  half_dim: {generator: toy-echo, resolution: 32, gain: 0.5}\n"
    "  failing: {generator: toy-echo, resolution: 32, fault: refuse}\n",
)
EXTRA = "not installed: pip install 'thbench[{}]'"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THBENCH_CACHE", str(folder / "cache"))
        start(folder, TEXT).both()
    return folder / "run"


@pytest.fixture
def chosen(run: Path) -> Selection:
    return select(run)


def library(name: str, extra: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is {EXTRA.format(extra)}")


def test_the_command_names_every_target() -> None:
    assert list(TARGETS) == NAMED


def test_the_headline_is_chosen_and_more_on_request(run: Path) -> None:
    usual = select(run)
    assert [r.name for r in usual.shown] == ["half_dim", "echo", "failing", "ground-truth"] or {
        r.name for r in usual.shown
    } == {"half_dim", "echo", "failing", "ground-truth"}
    assert set(usual.columns) < set(select(run, all_columns=True).columns) or usual.columns
    assert {r.name for r in select(run, controls=True).shown} > {r.name for r in usual.shown}
    one = select(run, systems=["echo"], columns=["spread", "brightness"])
    assert one.columns == ["spread", "brightness"]
    assert [r.name for r in one.shown] == ["echo"]
    with pytest.raises(UserError, match="no column 'sprad' — did you mean 'spread'"):
        select(run, columns=["sprad"])
    with pytest.raises(UserError, match="no system 'ecko' — did you mean 'echo'"):
        select(run, systems=["ecko"])


def values(chosen: Selection) -> dict[tuple[str, str], float | None]:
    return {
        (row.name, name): score.value
        for row in chosen.shown
        for name, score in row.result.scores.items()
        if name in chosen.columns
    }


def test_csv_has_exact_values_and_empty_cells(chosen: Selection) -> None:
    text = content(chosen, "csv", How()).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    found = {(r["system"], r["score"]): float(r["value"]) if r["value"] else None for r in lines}
    assert found == values(chosen)
    failing = [r for r in lines if r["system"] == "failing"]
    assert all(r["reason"] and not r["value"] for r in some(failing))


def test_clips_are_exported_as_the_table_has_them(chosen: Selection) -> None:
    text = content(chosen, "csv", How(clips=True)).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 9 * 4
    by_row = {(r["system"], r["clip"]): r for r in lines}
    for row in some(chosen.shown):
        for clip, value in row.clips.numbers("brightness").items() if row.name != "failing" else ():
            assert float(by_row[row.name, clip]["brightness"]) == value
    assert all(by_row["failing", c]["reason"] for c in chosen.shown[0].clips.actors)


def test_json_carries_identities(chosen: Selection) -> None:
    data = json.loads(content(chosen, "json", How()))
    assert {(r["system"], r["score"]): r["value"] for r in data["records"]} == values(chosen)
    for name in some(chosen.columns):
        assert data["columns"][f"32/{name}"]["identity_digest"]


def test_parquet_is_read_back(chosen: Selection, tmp_path: Path) -> None:
    parquet = library("pyarrow.parquet", "parquet")
    for how in (How(), How(clips=True)):
        file = tmp_path / f"{how.clips}.parquet"
        export(chosen, "parquet", str(file), how)
        records = clip_records(chosen) if how.clips else score_records(chosen)
        table = parquet.read_table(file)
        names = list(dict.fromkeys(n for r in records for n in r))
        assert table.to_pylist() == [{n: r.get(n) for n in names} for r in records]
    assert json.loads(table.schema.metadata[b"thbench"])["suite"]["name"] == "toys"


def test_latex_is_what_papers_print(run: Path, chosen: Selection) -> None:
    text = latex_text(chosen, {"brightness": "Bright_ness"})
    assert r"Bright\_ness" in text
    assert r"half\_dim" in text
    assert text.count(r"\textbf{") == len(chosen.columns)
    assert "identity" not in text
    assert r"\toprule" in text
    assert r"\emph{ground-truth}" in text
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in some(body)} == {len(chosen.columns)}
    failing = next(line for line in body if line.startswith("failing"))
    assert failing.count("--") == len(chosen.columns)
    assert r"$\pm$" in text
    assert "[" in latex_text(chosen, uncertainty="interval").split(r"\midrule")[1]
    assert r"\scriptsize" not in latex_text(chosen, uncertainty="none")


def test_latex_is_parsed_by_a_parser(chosen: Selection) -> None:
    walker = library("pylatexenc.latexwalker", "dev")
    parsed = walker.LatexWalker(latex_text(chosen), tolerant_parsing=False)
    nodes, *_ = parsed.get_latex_nodes()
    tables = [n for n in nodes if n.isNodeType(walker.LatexEnvironmentNode)]
    assert [n.environmentname for n in tables] == ["table"]
    inner = [n for n in tables[0].nodelist if n.isNodeType(walker.LatexEnvironmentNode)]
    assert [n.environmentname for n in inner] == ["tabular"]


def test_latex_writes_identities_next_to_it(chosen: Selection, tmp_path: Path) -> None:
    written = export(chosen, "latex", str(tmp_path / "table.tex"), How())
    assert [Path(w).name for w in written] == ["table.tex", "table.identities.json"]
    data = json.loads((tmp_path / "table.identities.json").read_text())
    assert {k.split("/")[1] for k in data} == set(chosen.columns)


def test_markdown_has_the_chosen_columns(chosen: Selection) -> None:
    text = content(chosen, "markdown", How()).decode()
    assert "| echo |" in text
    assert "failing is not ranked" in text


def test_a_model_card_is_read_back(run: Path) -> None:
    hub = library("huggingface_hub", "dev")
    text = content(select(run, systems=["echo"]), "hf", How()).decode()
    card = hub.ModelCard(text + "\n# Echo\n")
    results = card.data.eval_results
    found = {r.metric_name.partition(" ")[0]: r.metric_value for r in some(results)}
    assert found == {n: v for (_, n), v in values(select(run, systems=["echo"])).items()}
    assert yaml.safe_load(text.split("---")[1])["model-index"][0]["name"] == "echo"
    with pytest.raises(UserError, match="card of one system, 3 are chosen"):
        content(select(run), "hf", How())


def test_a_model_card_has_no_number_for_a_missing_score(run: Path) -> None:
    text = content(select(run, systems=["failing"]), "hf", How()).decode()
    assert yaml.safe_load(text.split("---")[1])["model-index"][0]["results"][0]["metrics"] == []
    assert "# no brightness: " in text


def test_tensorboard_is_read_back(chosen: Selection, tmp_path: Path) -> None:
    events = library("tensorboard.backend.event_processing.event_accumulator", "tensorboard")
    folders = export(chosen, "tensorboard", str(tmp_path), How())
    for row, folder in some(list(zip(chosen.shown, folders, strict=True))):
        read = events.EventAccumulator(folder, size_guidance={"scalars": 0})
        read.Reload()
        tags = read.Tags()["scalars"]
        for name in some(chosen.columns):
            value = row.result.scores[name].value
            assert (f"scores/{name}" in tags) == (value is not None)
            if value is not None:
                assert math.isclose(read.Scalars(f"scores/{name}")[0].value, value, rel_tol=1e-6)


def test_mlflow_is_read_back(chosen: Selection, tmp_path: Path) -> None:
    mlflow = library("mlflow", "mlflow")
    library("sqlalchemy", "mlflow")
    written = export(chosen, "mlflow", str(tmp_path), How(project="mine"))
    assert len(written) == 4
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("mine")
    runs = {r.data.params["system"]: r for r in client.search_runs([experiment.experiment_id])}
    for row in some(chosen.shown):
        metrics = runs[row.name].data.metrics
        known = {n: s.value for n, s in row.result.scores.items() if n in chosen.columns}
        assert metrics == {n: v for n, v in known.items() if v is not None}
    assert runs["failing"].data.tags["missing brightness"]
    names = {a.path for a in client.list_artifacts(runs["echo"].info.run_id)}
    assert names == {"result.json", "clips.csv"}
    assert list((tmp_path / "artifacts").rglob("clips.csv"))


def test_wandb_is_read_back(
    chosen: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library("wandb", "wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    export(chosen, "wandb", str(tmp_path), How())
    for row in some(chosen.shown):
        summary = _wandb_summary(tmp_path, row.name)
        for name in some(chosen.columns):
            value = row.result.scores[name].value
            assert summary.get(name) == value
            assert (f"missing {name}" in summary) == (value is None)


def _wandb_summary(folder: Path, system: str) -> dict[str, Any]:
    """What the offline files of the run of `system` hold, in wandb's own records."""
    from wandb.proto import wandb_internal_pb2

    for file in some(sorted(folder.rglob("*.wandb"))):
        found: dict[str, Any] = {}
        name = ""
        for data in _leveldb_records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            name = record.run.display_name or name
            for item in record.summary.update:
                found[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
        if name == f"toys-{system}-32":
            return found
    raise AssertionError(f"no run of {system}")


def _leveldb_records(data: bytes) -> Iterator[bytes]:
    """Records of the LevelDB log format that offline files have: 32 KiB blocks of chunks with a header of
    checksum, length and kind (1 whole, 2 first, 3 middle, 4 last)."""
    at, record = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def test_a_missing_library_is_named(
    chosen: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thbench.export.extras.find_spec", lambda name: None)
    for target in ("parquet", "wandb", "mlflow", "tensorboard"):
        with pytest.raises(UserError, match=rf"pip install 'thbench\[{target}\]'"):
            export(chosen, target, str(tmp_path / "x"), How())  # type: ignore[arg-type]


def test_the_command_prints_or_writes(
    run: Path, thbench: Callable[..., Any], tmp_path: Path
) -> None:
    done = thbench("export", run, "--to", "csv", "--systems", "echo")
    assert done.code == 0
    assert done.out.startswith("resolution,")
    done = thbench(
        "export", run, "--to", "latex", "-o", tmp_path / "t.tex", "--label", "brightness=B"
    )
    assert done.out.splitlines() == [str(tmp_path / "t.tex"), str(tmp_path / "t.identities.json")]
    assert thbench("export", run, "--to", "latex", "--label", "B").code == 2
    assert thbench("export", tmp_path, "--to", "csv").code == 2
    assert thbench("export", run, "--to", "parquet").code == 2  # no place for a binary file
