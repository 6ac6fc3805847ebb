"""The three suites on the small CREMA-D: every metric, the trained systems, the released baseline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crema_place import Place, thbench
from crema_tree import CUTS, GOOD
from denoisers import checkpoint
from guards import some
from thbench.environment import Settings
from thbench.plugins.discovery import registry
from thbench.run.plan import lacks
from thbench.selftest.trial import installed
from thbench.suite import find_suite, load_suite
from thbench.suite.clips import fetchable, reduced_suite
from thbench.training.checkpoint import write_checkpoint
from thbench.video import MediaReader, write_h264
from thbench_face import S3FD
from thbench_fid import INCEPTION
from thbench_gan.networks import Generator as GanNetwork
from thbench_gan.options import Architecture as GanArchitecture
from thbench_syncnet.networks import SyncNet

pytestmark = pytest.mark.usefixtures("weights", "prepared")


def every_metric() -> list[str]:
    """All that are installed, with their variants, but for the toys of these tests."""
    names = [n for n in installed(registry()) if not n.startswith("toy")]
    return [n if n != "torchmetrics" else f"{n}:StructuralSimilarityIndexMeasure" for n in names]


def has_weights(metric: str) -> bool:
    changes = [f"metrics=[{metric}]", "primary=null"]
    suite = load_suite(find_suite("crema_d"), registry(), changes)
    return not any(x.who.startswith("metric") for x in lacks(suite, Settings()))


@pytest.mark.slow
def test_the_shipped_suite_runs_and_counts_rejects(place: Place, tmp_path: Path) -> None:
    words = ["run", "crema_d", "--out", tmp_path / "out", *place.where()]
    words += ["--set", "metrics=[ofm, f_mse, psnr, ssim]", "--set", "primary=f_mse"]
    done = thbench(*words, "--set", "resolutions=[64]", "--systems", "ground-truth")
    assert done.code == 0, done.err
    result = json.loads(next((tmp_path / "out").rglob("result.json")).read_text())
    assert result["clips"]["failed"] == 0
    lacking = result["clips"]["without_reference"]
    assert sum(reason["count"] for reason in lacking) == len(CUTS) - len(GOOD)
    assert "too short" in " ".join(reason["reason"] for reason in lacking)
    assert result["dataset"]["version"].startswith("1+prepared.")
    rows = (tmp_path / "out" / "leaderboard.md").read_text()
    assert f"{len(GOOD)}/{len(GOOD)}" in rows
    assert "without a usable reference" in rows


def run_with(
    metrics: list[str], place: Place, out: Path, clips: int, system: str
) -> dict[str, Any]:
    """Scores of one row of the shipped suite at 64 px."""
    words = ["run", "crema_d", "--out", out, *place.where(), "--systems", f"ground-truth,{system}"]
    words += ["--set", f"metrics=[{', '.join(metrics)}]", "--set", "resolutions=[64]"]
    words += ["--set", "primary=f_mse", "--set", f"limits={{clips: {clips}}}"]
    done = thbench(*words)
    assert done.code == 0, done.err
    files = [json.loads(f.read_text()) for f in out.rglob("result.json")]
    scores = next(r for r in files if r["system"]["name"] == system)["scores"]
    assert {s["metric"] for s in scores.values()} == {
        m.partition("@")[0].partition(":")[0] for m in metrics
    }
    return scores


@pytest.mark.slow
def test_every_metric_that_has_its_weights_runs(place: Place, tmp_path: Path) -> None:
    metrics = [name for name in every_metric() if has_weights(name)]
    assert len(metrics) >= 11
    scores = run_with(metrics, place, tmp_path / "out", 1, "ground-truth")
    values = {name: score["value"] for name, score in scores.items()}
    assert values["fid@puppet-v1"] == pytest.approx(0, abs=1e-6)
    assert (values["psnr"], values["ssim"]) == (100, 1)
    assert values["lip_audio_lag"] is not None
    assert values["av_confidence@puppet-v1"] > 0


@pytest.mark.slow
def test_published_rows_stand_below_measured_ones_and_never_among_them(
    place: Place, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["run", "crema_d", "--out", out, *place.where(), "--set", "metrics=[f_mse]"]
    words += ["--set", "primary=f_mse", "--set", "limits={clips: 2}", "--set", "resolutions=[64]"]
    assert thbench(*words, "--systems", "ground-truth").code == 0
    measured, published = (out / "leaderboard.md").read_text().split("## Published about crema_d")
    assert "| *ground-truth* | 2/2 |" in measured
    assert "Diffused Heads" not in measured
    for words in ("| 49.03 (", "| 81.682 |", "Conflict: FID of the GAN is 94.26", "not ranked"):
        assert words in published
    assert "49.03" not in (out / "leaderboard.json").read_text()


@pytest.fixture
def random_networks(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Untrained networks of the published shapes, registered in the place of the published files."""
    from face_alignment.detection.sfd.net_s3fd import s3fd

    from random_inception import random_state

    torch.manual_seed(0)
    for file in weights.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("THBENCH_WEIGHTS", str(tmp_path))
    torch.save(SyncNet().state_dict(), tmp_path / "syncnet_v2.model")
    for module, item, state in (
        ("thbench_fid.INCEPTION", INCEPTION, random_state({})),
        ("thbench_face.S3FD", S3FD, s3fd().state_dict()),
    ):
        file = tmp_path / item.file
        torch.save(state, file)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        monkeypatch.setattr(module, replace(item, sha256=sha256))
    registry.cache_clear()
    yield
    registry.cache_clear()


@pytest.mark.long  # two minutes: Inception in four variants, S3FD, SyncNet
def test_every_metric_that_exists_runs(place: Place, random_networks: None, tmp_path: Path) -> None:
    """The wiring from a recording to every number; what networks see is tested beside each of them."""
    metrics = every_metric()
    assert all(has_weights(name) for name in metrics)
    scores = run_with(metrics, place, tmp_path / "out", 1, "still-identity")
    for name, score in scores.items():
        assert score["value"] is not None or score["reason"], name
    for name in ("fid", "kid", "precision", "av_confidence", "ofm", "f_mse", "psnr", "ssim"):
        assert scores[name]["value"] is not None, name


# -- the released videos of Diffused Heads ----------------------------------------------------------

SHORTER = 2
"""Frames that the stand-ins of the released videos lack; the released ones end after 100."""


@pytest.fixture
def released(place: Place, tmp_path: Path) -> Path:
    """256 px, H.264, cut, under the clips' names; one is a frame longer than its clip."""
    folder = tmp_path / "released"
    folder.mkdir()
    dataset, clips = fetchable(reduced_suite("crema_d", None, place.where()[1::2], {}), "cpu")
    for i, clip in enumerate(c for c in clips if c.id in {cut.name for cut in GOOD}):
        source = dataset.load(clip, 256)
        frames, audio = source.frames[:-SHORTER], source.audio[: -SHORTER * 640]
        if i == 0:
            frames = np.concatenate([source.frames, source.frames[-1:]])
            audio = np.concatenate([source.audio, np.zeros(640, np.int16)])
        write_h264(folder / f"{clip.id}.mp4", frames, audio)
    return folder


@pytest.fixture
def stills(released: Path) -> Path:
    """The same files showing their first frame throughout: the others move as the recordings do, as copies."""
    for file in some(released.glob("*.mp4")):
        made = MediaReader().read(file)
        write_h264(file, np.repeat(made.frames[:1], len(made.frames), axis=0), made.audio)
    return released


def baseline(place: Place, released: Path, out: Path, *more: str) -> dict[str, Any]:
    """Its row of the suite's only table."""
    words = ["run", "crema_d_diffused_heads", "--out", out, *place.where()]
    words += ["--set", f"systems.diffused-heads.root={json.dumps(str(released))}"]
    words += ["--set", "primary=f_mse", "--systems", "diffused-heads,ground-truth"]
    done = thbench(*words, *(w for word in more for w in ("--set", word)))
    assert done.code == 0, done.err
    (table,) = json.loads((out / "leaderboard.json").read_text())["tables"]
    assert table["resolution"] == 256
    return next(r for r in table["rows"] if r["system"] == "diffused-heads")


@pytest.mark.slow
def test_the_baseline_is_measured_from_released_videos(
    place: Place, released: Path, tmp_path: Path
) -> None:
    """As shipped it declares actors of which the small tree has some among its test actors: no rank."""
    out = tmp_path / "out"
    row = baseline(place, released, out, "metrics=[f_mse, psnr, fid@puppet-v1]")
    assert (row["clips"], row["of"]) == (len(GOOD), len(GOOD))
    assert 30 < row["scores"]["psnr"]["value"] < 60  # against the same span of the same clip
    assert row["scores"]["fid@puppet-v1"]["value"] is not None
    result = json.loads(next(out.rglob("diffused-heads/**/result.json")).read_text())
    assert result["clips"]["trimmed"] == len(GOOD) - 1
    assert row["trained_on"] == "crema_d: 81 actors"
    assert row["rank"] is None
    assert "1001, 1005, 1091" in " ".join(row["unranked_because"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        (["trained_actors=[1090]"], "crema_d: 1 actors"),
        (["trained_on=null", "trained_actors=[]"], "unknown"),
    ],
)
def test_others_are_ranked_and_unknown_stays_unknown(
    place: Place, stills: Path, tmp_path: Path, declared: list[str], shown: str
) -> None:
    words = [f"systems.diffused-heads.{word}" for word in declared]
    small = ["metrics=[f_mse]", "limits={clips: 1}"]
    row = baseline(place, stills, tmp_path / "out", *words, *small)
    assert (row["rank"], row["trained_on"]) == (1, shown)
    page = (tmp_path / "out" / "leaderboard.md").read_text()
    assert f"diffused-heads was trained on: {shown}" in page


# -- trained systems --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_suite_of_denoising_steps_runs_on_one_checkpoint(place: Place, tmp_path: Path) -> None:
    """Fewer steps than the suite's, for time; the three rows are told apart by them alone."""
    clean = {"dataset": "crema_d", "actors": ["1090"]}
    file = checkpoint(tmp_path / "64.safetensors", 64, clean)
    words = ["run", "crema_d_ddim_steps", "--out", tmp_path / "out", *place.where()]
    words += ["--systems", "ddpm-20,ddpm-50,ddpm-100"]
    words += [
        "--set",
        "metrics=[ofm, f_mse]",
        "--set",
        "primary=f_mse",
        "--set",
        "limits={clips: 1}",
    ]
    for name, steps in (("ddpm-20", 1), ("ddpm-50", 2), ("ddpm-100", 3)):
        words += ["--set", f"systems.{name}.checkpoint={json.dumps(str(file))}"]
        words += ["--set", f"systems.{name}.steps={steps}"]
    done = thbench(*words)
    assert done.code == 0, done.err
    (table,) = json.loads((tmp_path / "out" / "leaderboard.json").read_text())["tables"]
    rows = [r for r in table["rows"] if r["kind"] == "system"]
    assert sorted(r["rank"] for r in rows) == [1, 2, 3]
    assert len({r["scores"]["f_mse"]["value"] for r in rows}) == 3


@pytest.mark.slow
def test_the_suites_systems_run_on_it(place: Place, tmp_path: Path) -> None:
    """Small networks of random weights in the places of the three checkpoints; one has seen a test actor."""
    columns = (
        "channels: 32, multiples: [1, 1], blocks: 1, heads: 2, dropout: 0.1, patch: 2, audio: mel"
    )
    tiny = f"{{{columns}, audio_code: 8, predicts: v, landmarks: true}}"
    clean = {"dataset": "crema_d", "actors": ["1090"]}
    leaky = {"dataset": "crema_d", "actors": ["1001", "1090"]}
    files = {
        "gan-128": gan_checkpoint(tmp_path / "gan.safetensors", 128, leaky),
        "ddpm-64": checkpoint(tmp_path / "64.safetensors", 64, clean),
        "ddpm-128": checkpoint(tmp_path / "128.safetensors", 128, clean, landmarks=True),
    }
    words = ["run", "crema_d", "--out", tmp_path / "out", *place.where()]
    words += ["--set", "metrics=[ofm, f_mse]", "--set", "primary=f_mse"]
    words += ["--set", f"systems.ddpm-128.architecture={tiny}", "--set", "limits={clips: 2}"]
    for name, file in files.items():
        words += ["--set", f"systems.{name}.checkpoint={json.dumps(str(file))}"]
        words += [] if name == "gan-128" else ["--set", f"systems.{name}.steps=2"]
    done = thbench(*words)
    assert done.code == 0, done.err
    board = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    rows = {r["system"]: (t["resolution"], r) for t in board["tables"] for r in t["rows"]}
    assert {name: rows[name][0] for name in files} == {
        "gan-128": 128,
        "ddpm-64": 64,
        "ddpm-128": 128,
    }
    assert rows["gan-128"][1]["rank"] is None
    assert rows["ddpm-64"][1]["rank"] == rows["ddpm-128"][1]["rank"] == 1
    text = (tmp_path / "out" / "leaderboard.md").read_text()
    assert "1001" in text  # the actor it should not have seen


def gan_checkpoint(file: Path, size: int, trained_on: dict[str, Any]) -> Path:
    """A very small GAN of random weights."""
    a = GanArchitecture(
        identity="scratch", identity_width=8, audio_code=4, noise=2, hidden=8, widest=8, narrowest=8
    )
    network = GanNetwork(a, size)
    tensors = {f"generator/{k}": v for k, v in network.state_dict().items()}
    about = {
        "generator": "gan", "size": size, "step": 1, "pretrained": {}, "architecture": asdict(a),
        "trained_on": trained_on,
    }  # fmt: skip
    write_checkpoint(file, tensors, about)
    return file
