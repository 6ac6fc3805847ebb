"""kill -9 at random moments of generate, score and training: `python tests/tools/kill_many.py --kills 200`.

Every round starts a command in a fresh folder with a cold cache, kills it again and again while it
works, and lets it finish at last. After each kill every file under its final name is whole: it has
the bytes of a calm run, or for training it is a checkpoint of full length. At the end all promised
bytes are those of the calm run and nothing else lies about. tests/whole/test_kill.py is the short form.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
ROOT = SUPPORT.parents[1]
sys.path[:0] = [str(ROOT), str(SUPPORT)]
import trainings  # noqa: E402
from runs import EVERY_CONTROL, videos, written  # noqa: E402
from thbench.files.atomic import is_temporary  # noqa: E402

STAGES = ("generate", "score", "train", "run")
SLOW_TOYS = EVERY_CONTROL.replace("resolution: 32}", "resolution: 32, delay: 0.03}").replace(
    "[toy-brightness]", "[{metric: toy-brightness, cost: 0.01}]"
)


@dataclass
class Tally:
    """What happened: kills that hit a working process, and how far into its work each came."""

    kills: int = 0
    rounds: int = 0
    moments: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """One stage, disturbed in folders under `folder`."""

    folder: Path
    stage: str
    workers: int = 1
    device: str = "cpu"

    @property
    def suite(self) -> Path:
        file = self.folder / "suite.yaml"
        file.write_text(trainings.SUITE if self.stage == "train" else SLOW_TOYS)
        return file

    def run(self, name: str) -> Path:
        """A folder for one round; scoring starts from videos that a calm run has made."""
        run = self.folder / name
        if self.stage == "score":
            made = self.folder / "made"
            if not made.exists():
                self.finish(made, "generate")
            shutil.copytree(made, run, ignore=shutil.ignore_patterns(".lock*"))
        return run

    def words(self, run: Path, stage: str) -> list[str]:
        words = [sys.executable, "-m", "thbench", stage, str(self.suite)]
        if stage == "train":
            return [*words, "gan", "--out", str(run)]
        words += ["--out", str(run), "--workers", str(self.workers), "--batch", "2"]
        return [*words, "--device", self.device]

    def start(self, run: Path, stage: str = "") -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.words(run, stage or self.stage),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "THBENCH_CACHE": str(cache_of(run))},
        )

    def finish(self, run: Path, stage: str = "") -> float:
        """Run to the end; seconds that it worked, where it was the first to take the lock."""
        process = self.start(run, stage)
        wait_until_it_works(process, run)
        start = time.monotonic()
        errors = process.communicate(timeout=300)[1].decode()
        assert process.returncode == 0, (process.returncode, errors)
        return time.monotonic() - start

    def promised(self, run: Path) -> dict[str, bytes]:
        """Everything that must not depend on how a run came about."""
        if self.stage == "train":
            return trainings.bytes_of(run)
        return {**written(run), **videos(run)}


def cache_of(run: Path) -> Path:
    return run.with_name(f"{run.name}-cache")


def wait_until_it_works(process: subprocess.Popen[bytes], run: Path) -> None:
    """Past its imports: it has taken a lock."""
    while process.poll() is None and not list(run.rglob(".lock*")):
        time.sleep(0.005)


def kill_at(place: Place, run: Path, delay: float) -> bool:
    """Start, wait until it works and then `delay` seconds, kill -9. False where it had finished by then.

    Lock files are removed to see when they come back; `finish`, the last run of every round, meets
    what the last kill left.
    """
    for lock in run.rglob(".lock*"):
        lock.unlink()
    process = place.start(run)
    wait_until_it_works(process, run)
    try:
        errors = process.communicate(timeout=delay)[1].decode()
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL
    assert process.returncode == 0, (process.returncode, errors)
    return False


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".lock"):
            yield str(path.relative_to(folder)), path


def check_whole(place: Place, run: Path, calm: Path) -> None:
    """What stands under a final name right after a kill is never a part of a file."""
    if place.stage == "train":
        for _, path in files(run):
            assert is_temporary(path) or path.suffix != ".safetensors" or is_full_length(path), path
            if path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
        return
    for torn, whole in ((run, calm), (cache_of(run), cache_of(calm))):
        for name, path in files(torn):
            if (
                path.parent.name == "code"
            ):  # grows with what each process needed; begins with its own digest
                assert is_temporary(path) or is_of_its_digest(path), path
            elif not is_temporary(path) and path.suffix != ".jsonl":
                assert path.read_bytes() == (whole / name).read_bytes(), path


def is_of_its_digest(path: Path) -> bool:
    """Whether a file's first line is the digest of the rest."""
    digest, _, text = path.read_bytes().partition(b"\n")
    return digest.decode() == hashlib.sha256(text).hexdigest()


def an_hour_passes(cache: Path) -> None:
    """Others may be writing to a cache, so what a killed writer left there is removed when it is old."""
    for _, path in files(cache):
        if is_temporary(path):
            os.utime(path, (0, 0))


def is_full_length(checkpoint: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    content = checkpoint.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    ends = [v["data_offsets"][1] for name, v in header.items() if name != "__metadata__"]
    return len(content) == 8 + length + max(ends)


def check_end(place: Place, run: Path, calm: Path) -> None:
    """Identical bytes; the same files as a calm run has, none besides."""
    ours, theirs = place.promised(run), place.promised(calm)
    assert not [n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n)]
    assert {n for n, _ in files(run)} == {n for n, _ in files(calm)}
    assert {n for n, _ in files(cache_of(run))} == {n for n, _ in files(cache_of(calm))}


def disturb(
    folder: Path, stage: str, kills: int, seed: int, workers: int = 1, device: str = "cpu"
) -> Tally:
    """Kill one stage so often, over as many rounds as that takes. Raises AssertionError for any loss."""
    folder.mkdir(parents=True, exist_ok=True)
    place, tally, draw = Place(folder, stage, workers, device), Tally(), random.Random(seed)
    calm = place.run("calm")
    whole = place.finish(calm)
    assert place.promised(calm)
    while tally.kills < kills:
        tally.rounds += 1
        run = place.run(f"torn{tally.rounds}")
        while tally.kills < kills and kill_at(place, run, moment := draw.uniform(0, whole)):
            tally.kills += 1
            tally.moments.append(moment)
            check_whole(place, run, calm)
        an_hour_passes(cache_of(run))
        place.finish(run)
        check_end(place, run, calm)
        shutil.rmtree(run)
        shutil.rmtree(cache_of(run), ignore_errors=True)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="over all stages together")
    parser.add_argument("--stages", default="generate,score,train", help=", ".join(STAGES))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--device",
        default="cpu",
        help="of toys, which work on any; `meta` is an accelerator that every machine has",
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    stages = given.stages.split(",")
    paths = [ROOT, ROOT / "plugins", SUPPORT / "toys"]
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, stage in enumerate(stages):
            kills = given.kills * (i + 1) // len(stages) - given.kills * i // len(stages)
            start = time.monotonic()
            place, seed = Path(folder) / stage, given.seed + i
            tally = disturb(place, stage, kills, seed, given.workers, given.device)
            seconds, latest = time.monotonic() - start, max(tally.moments)
            print(
                f"{stage}: {tally.kills} kills over {tally.rounds} runs in {seconds:.0f} s, "
                f"up to {latest:.2f} s into the work; every run ended in the bytes of a calm one",
                flush=True,
            )
            total += tally.kills
    print(f"{total} kills, no file torn, none lost, no litter")


if __name__ == "__main__":
    main()
