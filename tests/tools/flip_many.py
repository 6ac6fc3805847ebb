"""Flip single bits in caches, journals and stored videos, and see that no command prints a wrong number.

    python tests/tools/flip_many.py --flips 2000

After every flip `thbench score` (or `run`) goes over the folder again. It may end as a calm run does, since the
damage was found and done again or concerns nothing that is read; refuse with one line; or count the
clip as failed, with its reason. Every number that it writes is the calm run's or is over fewer clips and says
so. With the file as it was, the next command ends in the calm run's bytes: nothing of the damage is
remembered. tests/whole/test_flips.py is the short form.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kill_at_writes import done, forked, fresh, ready
from runs import written

TOYS = """\
schema: 1
name: toys
dataset: {name: toy, n_actors: 2}
split: all
seed: 7
systems:
  echo: {generator: toy-echo, resolution: 32}
metrics: [toy-brightness, toy-extracted]
primary: brightness
controls: [ground-truth]
limits: {clips: 3}
"""
KINDS = {
    "cache": "cache/**/*.npz",
    "journal": "run/**/journal.jsonl",
    "video": "run/**/videos/*",
    "video, cache gone": "run/**/videos/*",
}
COMMANDS = {"score": ["score"], "run": ["run"]}
WORDS = ["suite.yaml", "--out", "run", "--batch", "2"]


@dataclass(frozen=True)
class Found:
    """What came of one flip: `same`, `refused` or `failed` (clips counted as such)."""

    kind: str
    outcome: str


def calm_run(folder: Path) -> Path:
    start = fresh(folder / "start")
    (start / "suite.yaml").write_text(TOYS)
    return done(start, folder / "calm", ["run", *WORDS])


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))


def tried(calm: Path, place: Path, kind: str, rng: random.Random) -> Found:
    """One flip in a copy of the calm run. Raises AssertionError for a wrong number or a memory of it."""
    shutil.copytree(calm, place)
    file = rng.choice(sorted(p for p in place.glob(KINDS[kind]) if p.is_file()))
    before = file.read_bytes()
    if kind.endswith("cache gone"):
        shutil.rmtree(place / "cache")
    flip(file, rng)
    command = rng.choice(sorted(COMMANDS))
    code, _ = forked([command, *WORDS], place, None, quiet=True)
    expected = written(calm / "run")
    where = f"{kind}: {file.relative_to(place)}, {command} ended with {code}"
    assert code in (0, 1, 2), where
    outcome = "refused"
    if code != 2:
        outcome = "same" if written(place / "run") == expected else "failed"
    if outcome == "failed":
        wrong = list(wrong_numbers(calm / "run", place / "run"))
        assert not wrong, (where, wrong)
    if outcome != "same":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(before)
        code, _ = forked(["run", *WORDS, "--retry-failed"], place, None, quiet=True)
        assert code == 0, where
        assert written(place / "run") == expected, f"{where}: remembered"
    shutil.rmtree(place)
    return Found(kind, outcome)


def wrong_numbers(calm: Path, torn: Path) -> list[str]:
    """Cells of the clips tables and values of the results that neither are the calm run's nor say less."""
    wrong = []
    for table in sorted(calm.rglob("clips.csv")):
        name = table.relative_to(calm)
        with suppress(FileNotFoundError):
            ours, theirs = cells(torn / name), cells(table)
            wrong += [f"{name} {k}" for k in ours if _number(ours[k]) and ours[k] != theirs.get(k)]
    for document in sorted(calm.rglob("result.json")):
        name = document.relative_to(calm)
        if not (torn / name).exists():
            continue
        ours, theirs = (json.loads((f / name).read_text())["scores"] for f in (torn, calm))
        for column, score in ours.items():
            fewer = score["n"] < theirs[column]["n"]
            if score["value"] not in (None, theirs[column]["value"]) and not fewer:
                wrong.append(f"{name} {column}: {score['value']}")
    return wrong


def cells(table: Path) -> Mapping[tuple[str, str], str]:
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {(row["clip"], column): cell for row in rows for column, cell in row.items()}


def _number(cell: str) -> bool:
    with suppress(ValueError):
        float(cell)
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start, tally, rng = time.monotonic(), Counter[Found](), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        ready()
        calm, place = calm_run(Path(name)), Path(name) / "calm-copy"
        # runs say where their files lie: the copy stands where the original did
        original = calm.replace(Path(name) / "original")
        place = calm
        for number in range(given.flips):
            kind = list(KINDS)[number % len(KINDS)]
            tally[tried(original, place, kind, rng)] += 1
            if number % 50 == 49:
                print(f"{number + 1} flips, no wrong number", flush=True)
    for kind in KINDS:
        counts = {f.outcome: n for f, n in tally.items() if f.kind == kind}
        row = [str(counts.get(o, 0)) for o in ("same", "refused", "failed")]
        print(f"| {kind} | {sum(counts.values())} | {' | '.join(row)} | 0 |")
    print(f"{given.flips} flips in {time.monotonic() - start:.0f} s, no wrong number")


if __name__ == "__main__":
    main()
