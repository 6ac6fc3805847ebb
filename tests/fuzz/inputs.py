"""Hostile inputs by kind, each a pure function of (seed, number), and the reader that must survive them.

    python tests/fuzz/inputs.py --count 10000 --seed 1          # every kind; prints figures
    python tests/fuzz/inputs.py --count 10000 videos archives   # some

An input is survived where reading it gives a value or one line (UserError, ClipFailure), in less than
5 seconds and 500 MB. Everything else is printed with the number that makes it again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from thbench.errors import ClipFailure, UserError

MOST_SECONDS, MOST_MB = 5.0, 500
ROOT = Path(__file__).parents[2]
WORDS = [
    b"!!int x", b"!!float x", b"!!bool maybe", b"!!python/object/apply:os.system ['touch MARKER']", b"9" * 5000,
    b"&a [*a]", b"{" * 300, b"[" * 3000, b"\x00", b"\xff\xfe", "\u202e".encode(), b"../../../etc/passwd", b"1e999",
    b"NaN", b"Infinity", b"-1", b"null", b"true", b"<svg onload=x>", b"A" * 5000, b"!!timestamp 2021-02-31", b"<<: 1",
    b"%YAML 9.9\n", b"? ?", b"{\"a\":" * 2000, b"\n\n", b"'", b'"', b": ", b"- ", b"PK\x03\x04", b"\x80\x04cos\nsystem\n(S'touch MARKER'\ntR.",
]  # fmt: skip


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One to four of: a flipped bit, a byte, a cut, a repeated or exchanged part, a nasty word."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at : len(data) if rng.random() < 0.3 else at + rng.randint(1, 40)]
        elif kind == 3:
            data[at:at] = data[at : at + rng.randint(1, 200)] * rng.randint(1, 5)
        elif kind == 4:
            data[at : at + 8] = rng.choice([b"\xff" * 8, b"\x00" * 8, b"\x7f" + b"\xff" * 7])
        elif kind == 5:
            data[at:at] = rng.choice(WORDS)
        else:
            end = data.find(b"\n", at)
            data[at : end if end > 0 else at + 10] = rng.choice(WORDS)
    return bytes(data)


@dataclass(frozen=True)
class Kind:
    """Good inputs to start from, the file's suffix, and what reads it."""

    originals: Callable[[], list[bytes]]
    suffix: str
    read: Callable[[Path], object]


def _of(pattern: str) -> Callable[[], list[bytes]]:
    return lambda: [p.read_bytes() for p in sorted(ROOT.glob(pattern))]


def _suite(path: Path) -> object:
    from thbench.plugins.discovery import registry
    from thbench.suite import load_suite

    return load_suite(path, registry())


def _document(path: Path) -> object:
    from thbench.leaderboard.fit import unfit
    from thbench.results.clips import parse_clips
    from thbench.results.document import read_result

    return list(unfit(read_result(path), parse_clips("clip,actor,failure\n", "clips.csv")))


def _archive(path: Path) -> object:
    from thbench.leaderboard.archive import open_archive, sha256_of

    with open_archive(path, sha256_of(path)) as archive:
        return {m: {c: dict(a) for c, a in archive.clips(m).items()} for m in archive.index.metrics}


def _journal(path: Path) -> object:
    from thbench.files.journal import Journal

    return Journal(path).read(), Journal(path).last_lines()


@cache
def _journals() -> list[bytes]:
    from thbench.files.journal import Journal

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j.jsonl")
        for n in range(12):
            journal.append({"clip": f"c{n}", "n_frames": n, "files": {"a": n}, "failure": "é" * n})
        return [journal.path.read_bytes()]


def _manifest(path: Path) -> object:
    from thbench.suite.split import load_manifest

    return load_manifest(path)


def _weights(path: Path) -> object:
    from thbench.training.checkpoint import read_checkpoint

    return read_checkpoint(path, "gan")


@cache
def _checkpoints() -> list[bytes]:
    import torch
    from safetensors.torch import save

    about = {"format": "thbench-1", "generator": "gan", "architecture": {}, "step": 1, "size": 64}
    small = {"w": torch.zeros(3, 4), "b": torch.ones(2)}
    real = (ROOT / "plugins/thbench_gan/puppet_v1_64.safetensors").read_bytes()[:20_000]
    return [
        save(small, {"thbench": json.dumps(about)}),
        save(small),
        real,
        b"PK\x03\x04" + bytes(50),
    ]


def _video(path: Path) -> object:
    from thbench.video import MediaReader

    reader = MediaReader()
    reader.probe(path)
    return reader.read(path)


@cache
def _videos() -> list[bytes]:
    from thbench.video import write_h264, write_lossless

    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (6, 32, 32, 3), dtype=np.uint8)
    audio = rng.integers(-999, 999, 6 * 640).astype(np.int16)
    with tempfile.TemporaryDirectory() as folder:
        mkv, mp4 = Path(folder) / "a.mkv", Path(folder) / "a.mp4"
        write_lossless(mkv, frames, audio)
        write_h264(mp4, frames, audio, crf=23)
        return [mkv.read_bytes(), mp4.read_bytes()]


KINDS = {
    "suites": Kind(_of("benchmarks/*.yaml"), ".yaml", _suite),
    "documents": Kind(_of("leaderboard/results/demo/gan/*.json"), ".json", _document),
    "archives": Kind(_of("leaderboard/results/demo/gan/*.features.zip"), ".zip", _archive),
    "journals": Kind(_journals, ".jsonl", _journal),
    "manifests": Kind(_of("benchmarks/splits/*.yaml"), ".yaml", _manifest),
    "weights": Kind(_checkpoints, ".safetensors", _weights),
    "videos": Kind(_videos, ".mkv", _video),
}


def survived(kind: str, seed: int, number: int, folder: Path) -> str:
    """`value` or `refused`. Raises what the reader must not raise; AssertionError for two lines."""
    rng = random.Random(f"{kind} {seed} {number}")
    given = KINDS[kind]
    path = folder / f"input{given.suffix}"
    path.write_bytes(mutated(rng.choice(given.originals()), rng))
    try:
        given.read(path)
    except (UserError, ClipFailure) as error:
        text = str(error)
        assert "\n" not in text and len(text) <= 5000, f"{len(text)} characters"
        return "refused"
    return "value"


def tried(kind: str, seed: int, count: int) -> tuple[Counter[str], list[str], float]:
    """Outcomes, what went wrong, and the longest time of one input."""
    outcomes: Counter[str] = Counter()
    wrong, longest, held = [], 0.0, peak_mb()
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), Path.cwd()
        os.chdir(folder)
        try:
            for number in range(count):
                start = time.process_time()
                try:
                    outcomes[survived(kind, seed, number, folder)] += 1
                except Exception as error:
                    wrong.append(
                        f"{kind} {seed} {number}: {type(error).__name__}: {str(error)[:200]}"
                    )
                seconds = time.process_time() - start
                longest = max(longest, seconds)
                if seconds > MOST_SECONDS:
                    wrong.append(f"{kind} {seed} {number}: {seconds:.1f} s")
            if (memory := peak_mb() - held) > MOST_MB:
                wrong.append(f"{kind}: {memory} MB")
            if left := {p.name for p in folder.iterdir()} - {f"input{KINDS[kind].suffix}"}:
                wrong.append(f"{kind}: left {left}")
        finally:
            os.chdir(before)
    return outcomes, wrong, longest


def peak_mb() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    failed = 0
    for kind in given.kinds:
        outcomes, wrong, longest = tried(kind, given.seed, given.count)
        print(
            f"| {kind} | {given.count} | {outcomes['value']} | {outcomes['refused']} | {len(wrong)} "
            f"| {longest:.2f} s | {peak_mb()} MB |",
            flush=True,
        )
        for line in wrong[:20]:
            print("  ", line, flush=True)
        failed += len(wrong)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
