"""One epoch of a tiny GAN on each dataset of recordings, and its checkpoint in a suite.

GRID and CREMA-D are real recordings; the others are small trees of real heads under the real names. A clip of
CREMA-D stands under a second actor's name, since the six at hand are of one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crema_place import thbench
from crema_server import serving
from crema_tree import write_wav
from recordings_tree import make_grid, make_hdtf, make_mead, make_ravdess, speech
from thbench_crema_d.make_manifest import manifest_of, write_manifest

pytestmark = pytest.mark.slow
Find = Callable[[str], Path]
WEIGHTS = ("yunet_n_640_640.onnx", "face_landmark.tflite", "pfld.onnx")
SUITE = """
schema: 1
name: tiny
title: One epoch
dataset: {dataset}
split: {split}
seed: 1
systems:
  gan:
    generator: gan
    resolution: 32
    checkpoint: {checkpoint}
    architecture:
      {{identity: scratch, identity_width: 8, audio_code: 32, noise: 2, hidden: 64, widest: 32,
       narrowest: 16, output: identity}}
    discriminator_width: 4
    frames: 4
    mouth_weight: 2.0
    training: {{steps: {steps}, batch: 1, criterion: last, save_every: {steps}}}
metrics: [psnr]
primary: psnr
"""


def make_crema(folder: Path, assets: Find) -> dict[str, Any]:
    for kind in ("VideoFlash", "AudioWAV"):
        (folder / kind).mkdir(parents=True)
    for clip, real in (("1001_DFA_ANG_XX",) * 2, ("1002_DFA_SAD_XX", "1001_DFA_SAD_XX")):
        source = assets(f"clips/crema_d/{real}.flv")
        (folder / "VideoFlash" / f"{clip}.flv").symlink_to(source.resolve())
        write_wav(folder / "AudioWAV" / f"{clip}.wav", speech(source, 4))
    write_manifest(manifest_of(folder), folder / "few.csv")
    return {"manifest": str(folder / "few.csv")}


def make_fetched(folder: Path, assets: Find) -> dict[str, Any]:
    """RAVDESS as it is fetched: two clips of the same words, one of each actor."""
    chosen = {"emotion": "neutral", "sentence": "Kids are talking by the door", "take": "1"}
    with serving(make_ravdess(folder.with_name("files"), assets)) as host:
        words = ["--root", folder, "--mirror", host.url, "--split", "all"]
        words += ["--set", 'dataset.actors=["01", "21"]']
        assert thbench("data", "fetch", "ravdess", *words).code == 0
    return {"where": chosen, "actors": ["01", "21"]}


def tree(
    make: Callable[[Path, Find], Path], **options: Any
) -> Callable[[Path, Find], dict[str, Any]]:
    def made(folder: Path, assets: Find) -> dict[str, Any]:
        make(folder, assets)
        return options

    return made


CASES: dict[str, tuple[Callable[[Path, Find], dict[str, Any]], str, str]] = {
    "grid": (tree(make_grid, max_seconds=1.2), "s3", "s1"),
    "crema_d": (make_crema, "1001", "1002"),
    "ravdess": (make_fetched, "01", "21"),
    "mead": (tree(make_mead), "M003", "W017"),
    "hdtf": (tree(make_hdtf, max_seconds=1.2, where={"index": "000"}), "TomCotton", "TomPrice"),
    "clips": (tree(make_grid, max_seconds=1.2, crop="face", actor="{actor}/*/{clip}"), "s3", "s1"),
}
"""Dataset -> what makes its tree and gives its options, training actor, test actor."""


@pytest.fixture(autouse=True)
def weights(assets: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "weights"
    store.mkdir()
    for name in WEIGHTS:
        (store / name).symlink_to(assets(f"weights/{name}").resolve())
    monkeypatch.setenv("THBENCH_WEIGHTS", str(store))


@pytest.mark.parametrize("dataset", list(CASES))
def test_one_epoch_and_its_checkpoint(dataset: str, assets: Find, tmp_path: Path) -> None:
    make, seen, held_out = CASES[dataset]
    root, out = tmp_path / "root", tmp_path / "trained"
    options = {"name": dataset, "root": str(root), **make(root, assets)}
    if dataset != "clips":
        options["prepared"] = str(tmp_path / "prepared")
    split = {"train": [seen], "test": [held_out]}
    suite = tmp_path / "tiny.yaml"
    text = SUITE.format(
        dataset=json.dumps(options),
        split=json.dumps(split),
        checkpoint=out / "last.safetensors",
        steps=3,
    )
    suite.write_text(text)
    if dataset != "clips":
        for part in ("train", "test"):
            prepare = thbench("data", "prepare", dataset, "--suite", suite, "--split", part)
            assert prepare.code == 0 or "unusable" in prepare.out, prepare.err
    trained = thbench("train", suite, "gan", "--out", out)
    assert trained.code == 0, trained.err
    assert (out / "last.safetensors").is_file()
    told = json.loads((out / "last.json").read_text())
    assert told["trained_on"] == {"dataset": dataset, "actors": [seen]}
    done = thbench("run", suite, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    (result,) = [
        r
        for f in (tmp_path / "run").rglob("result.json")
        if (r := json.loads(f.read_text()))["system"]["name"] == "gan"
    ]
    assert result["scores"]["psnr"]["value"] > 0 and result["clips"]["failed"] == 0
