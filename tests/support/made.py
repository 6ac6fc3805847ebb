"""Run folders out of nothing, of any size: results, tables and, where wanted, videos that count frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thbench.api import FPS, SAMPLES_PER_FRAME, Frames, Waveform
from thbench.results.clips import clips_text
from thbench.results.document import Result, result_text
from thbench.run.folder import VideoFolder
from thbench.run.records import video_record
from thbench.video import write_lossless

BITS, BLOCK, SIZE = 6, 16, 96
FLASH = 12
"""The frame that is white, and at whose start a click is heard."""
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
PLUGIN = {
    "name": "made", "version": "1", "distribution": "made", "distribution_version": "1",
    "entry_point": "made", "source_digest": "0" * 64,
}  # fmt: skip


def counted(n: int, tint: int = 0) -> Frames:
    """[n, SIZE, SIZE, 3]: the number of each frame in a row of black and white blocks."""
    frames = np.full((n, SIZE, SIZE, 3), 90 + tint, np.uint8)
    for i in range(n):
        if i == FLASH:
            frames[i] = 225
        for bit in range(BITS):
            lit = 255 if i >> bit & 1 else 0
            frames[i, :BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = lit
    return frames


def clicking(n: int) -> Waveform:
    """Silence with a click of 2 ms at the start of frame FLASH."""
    audio = np.zeros(n * SAMPLES_PER_FRAME, np.int16)
    audio[FLASH * SAMPLES_PER_FRAME :][:32] = 20_000
    return audio


def clip_ids(n: int) -> list[str]:
    return [f"{1000 + i // 82:04d}_S{i % 82:02d}" for i in range(n)]


def metrics_of(names: Sequence[str]) -> dict[str, Any]:
    return {
        name: {
            "metric": name, "score": name, "summary": f"the {name} of a clip", "source": "made up",
            "description": f"What {name} means & why <b>it</b> matters.", "unit": "grey levels",
            "formula": "a < b", "biases": "likes <i>blur</i>",
            "better": "lower", "range": [0, None], "set_level": False,
            "reacts_to": {"blur": "+"}, "ignores": ["delay"],
            "weights": [{"name": "w", "licence": "MIT", "commercial": True, "about": ""}],
        }
        for name in names
    }  # fmt: skip


def result(name: str, kind: str, size: int, scores: dict[str, list[float]], n: int) -> Result:
    """A row; values are means of rows, with an interval."""
    return Result.model_validate_json(
        json.dumps({
            "schema": 1,
            "suite": {"name": "made", "digest": "1" * 64, "primary": next(iter(scores)), "seed": 1,
                      "identity_frame": "first"},
            "split": {"name": "all", "digest": "2" * 64, "n_clips": n, "n_actors": -(-n // 82)},
            "dataset": {"plugin": PLUGIN, "version": "1", "options": {},
                        "references_digest": "3" * 64},
            "system": {"name": name, "kind": kind, "resolution": size, "plugin": PLUGIN},
            "clips": {"n": n, "generated": n, "failed": 0, "table_sha256": "4" * 64,
                      "videos_digest": "5" * 64},
            "scores": {c: score(c, v, n) for c, v in scores.items()},
            "ranked": kind == "system", "provenance": {"thbench": "0"},
        })
    )  # fmt: skip


def score(column: str, values: list[float], n: int) -> dict[str, Any]:
    mean, half = float(np.mean(values)), float(np.std(values) / max(n, 1) ** 0.5)
    return {
        "metric": column, "score": column, "value": mean, "better": "lower", "n": n, "of": n,
        "unit": "grey levels", "identity": {"name": column, "options": {"a": 1}},
        "identity_digest": "6" * 64,
        "interval": {"low": mean - 2 * half, "high": mean + 2 * half, "level": 0.95,
                     "method": "made", "n_actors": -(-n // 82)},
    }  # fmt: skip


def made_run(
    root: Path,
    systems: Sequence[str] = ("alpha", "beta"),
    n_clips: int = 4,
    columns: int = 2,
    videos: int = 0,
    n_frames: int = 40,
    sizes: Sequence[int] = (SIZE,),
) -> Path:
    """A scored run of `systems` and the ground truth; the first `videos` clips have videos."""
    ids, names = clip_ids(n_clips), [f"metric{i}" for i in range(columns)]
    clips = [
        {"id": c, "actor": c[:4], "labels": {"emotion": EMOTIONS[i % 6], "age": str(20 + i % 50),
                                             "sex": "female" if i % 2 else "male"}}
        for i, c in enumerate(ids)
    ]  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    (root / "clips.json").write_text(json.dumps(clips))
    (root / "metrics.json").write_text(json.dumps(metrics_of(names)))
    rng = np.random.default_rng(5)
    rows = [(s, "system", sizes[i % len(sizes)], f"systems/s{i}") for i, s in enumerate(systems)]
    rows += [("ground-truth", "control", s, f"controls/{s}/ground-truth") for s in sizes]
    for place, (name, kind, size, path) in enumerate(rows):
        folder = VideoFolder(root, root / path)
        folder.path.mkdir(parents=True)
        values = {c: [float(v) for v in 10 * rng.random(n_clips) + place] for c in names}
        table = [
            {"clip": c, "actor": c[:4], **{m: values[m][i] for m in names}}
            for i, c in enumerate(ids)
        ]
        folder.clips_file.write_text(clips_text(["clip", "actor", "failure", *names], table))
        folder.result_file.write_text(result_text(result(name, kind, size, values, n_clips)))
        for clip in ids[:videos]:
            _store(folder, clip, counted(n_frames, 20 * place), clicking(n_frames))
    for size in sizes:
        references = VideoFolder(root, root / "references" / str(size))
        references.path.mkdir(parents=True)
        for clip in ids[:videos]:
            _store(references, clip, counted(n_frames), clicking(n_frames))
    (root / "timings.jsonl").write_text(
        "".join(
            json.dumps({"stage": f"generate {s}", "clips": ids[:1], "seconds": 2.0,
                        "peak_memory": 2**20 * 100}) + "\n"
            for s in systems
        )
    )  # fmt: skip
    return root


def _store(folder: VideoFolder, clip: str, frames: Frames, audio: Waveform) -> None:
    picture = folder.file(clip, ".mkv")
    write_lossless(picture, frames, audio)
    folder.journal.append(video_record(folder, clip, picture, frames, audio, [picture]))


def frame_in(picture: np.ndarray) -> int:
    """The number in a picture [H, W, 3] of a counted frame, at any scale."""
    height, width = picture.shape[:2]
    row = picture[height // 12, :, :].mean(axis=1)
    return sum(int(row[int((bit + 0.5) * width / BITS)] > 128) << bit for bit in range(BITS))


SECONDS_PER_FRAME = 1 / FPS
