"""How often a study's intervals contain the truth, and bad raters are found. Behind the tables of docs/human_study.md.

    python tests/tools/study_coverage.py --repetitions 150 --seed 1
    python tests/tools/study_coverage.py --repetitions 100 --seed 1 --part found

Every repetition draws raters and clips anew from a world of known worths (voters.People):

2afc  each rater has a taste of their own for each system, each clip suits each system differently, both normal;
      of the sum Davidson's model draws the answers; some are slips. Truth: what infinitely many raters on
      infinitely many clips would give, by quadrature. It is not `worth`: who mixes people of unlike tastes sees odds
      nearer to 1.
mos   1 to 5, rounded from 3 + worth + taste + suitability + noise, and a strictness of the rater's own.
      Truth: the expected rating, in closed form.

One of the pairs of systems is equal: how often that pair is told apart is the rate of false decisions.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from tqdm import tqdm

from thbench.statistics.preferences import davidson, pair_chances
from thbench.study.analysis import question_result
from thbench.study.collect import collected
from thbench.study.design import pairs, singles
from thbench.study.document import Vote
from thbench.study.form import Ballot, EntryRecord, Form
from thbench.study.raters import Rule, judge

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from voters import Kind, People, ballot, clips_of, made_key, write_ballots

Floats = NDArray[np.float64]
WORTH = (0.8, 0.0, 0.0, -0.8)
EQUAL = (1, 2)
LISTS, TRIALS = 8, 30
STRICT, NOISE = 0.5, 0.7
"""Of ratings: spread of raters' strictness, and of one rating."""


@dataclass(frozen=True)
class World:
    """One study: raters on clips."""

    form: Form
    raters: int
    clips: int
    people: People
    trials: int = TRIALS

    def truth(self) -> Floats:
        """[systems] what the study estimates."""
        return _worth(self.people) if self.form == "2afc" else _ratings(self.people)

    def votes(self, rng: np.random.Generator) -> list[Vote]:
        """Of one repetition."""
        systems = len(self.people.worth)
        taste = rng.normal(0, self.people.raters_differ, (self.raters, systems))
        suits = rng.normal(0, self.people.clips_differ, (self.clips, systems))
        felt = np.array(self.people.worth) + taste[:, None] + suits
        made = _pairs if self.form == "2afc" else _singles
        lists = rng.integers(LISTS, size=self.raters)
        found = []
        for rater, number in enumerate(lists.tolist()):
            found += made(self, rng, felt[rater], rater, number)
        return found


def _pairs(
    world: World, rng: np.random.Generator, felt: Floats, rater: int, number: int
) -> Iterator[Vote]:
    start = number * world.trials
    for one in pairs(len(world.people.worth), world.clips, start + world.trials, 0)[start:]:
        a, b = sorted((one.first, int(one.second or 0)))
        chances = pair_chances(felt[one.clip], world.people.nu, a, b)
        outcome = rng.integers(3) if rng.random() < world.people.lapse else rng.choice(3, p=chances)
        yield Vote(
            question="sync", rater=rater, clip=str(one.clip), first=a, second=b, outcome=int(outcome)
        )  # fmt: skip


def _singles(
    world: World, rng: np.random.Generator, felt: Floats, rater: int, number: int
) -> Iterator[Vote]:
    start, strictness = number * world.trials, rng.normal(0, STRICT)
    for one in singles(len(world.people.worth), world.clips, start + world.trials, 0)[start:]:
        rating = 3 + felt[one.clip, one.first] + strictness + rng.normal(0, NOISE)
        if rng.random() < world.people.lapse:
            rating = rng.integers(1, 6)
        outcome = int(np.clip(np.rint(rating), 1, 5))
        yield Vote(
            question="sync", rater=rater, clip=str(one.clip), first=one.first, second=-1, outcome=outcome
        )  # fmt: skip


def _worth(people: People) -> Floats:
    """The worth that fits the answers of everybody on everything best."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = np.sqrt(2 * (people.raters_differ**2 + people.clips_differ**2))
    shares = []
    for a, b in combinations(range(len(people.worth)), 2):
        gap = people.worth[a] - people.worth[b] + spread * nodes
        each = np.array([pair_chances(np.array([g, 0.0]), people.nu, 0, 1) for g in gap])
        mean = weights @ each / weights.sum()
        shares.append((1 - people.lapse) * mean + people.lapse / 3)
    return davidson(np.array([shares]), len(people.worth))[0][0]


def _ratings(people: People) -> Floats:
    """Expected ratings: 1, plus the chance of passing each of 1.5, 2.5, 3.5, 4.5."""
    spread = np.sqrt(people.raters_differ**2 + people.clips_differ**2 + STRICT**2 + NOISE**2)
    gaps = 3 + np.array(people.worth)[:, None] - np.array([1.5, 2.5, 3.5, 4.5])
    return np.asarray(
        (1 - people.lapse) * (1 + ndtr(gaps / spread).sum(axis=1)) + people.lapse * 3.0
    )


@dataclass(frozen=True)
class Coverage:
    """Shares over the repetitions. `scores`: of the systems; `differences`: of all pairs; `told`: equal systems
    that were told apart; `without`: values without an interval; `width` of a score's interval; `error`: the
    standard error of `scores` over repetitions."""

    world: World
    scores: float
    error: float
    differences: float
    told: float
    without: float
    width: float


def coverage(world: World, repetitions: int, seed: int, quiet: bool = False) -> Coverage:
    """Of 95 % intervals, as `study collect` shows them."""
    truth = world.truth()
    entries = [
        EntryRecord(name=f"s{i}", kind="system", resolution=64, contestant=True, videos_digest="0")
        for i in range(len(truth))
    ]
    scores, differences, told, widths, asked, without = [], [], [], [], 0, 0
    label = f"{world.form} {world.raters} raters {world.clips} clips"
    for i in tqdm(range(repetitions), desc=label, disable=quiet, mininterval=10):
        rng = np.random.default_rng([seed, world.raters, world.clips, i])
        found = question_result(world.form, "sync", world.votes(rng), entries, (0, 0), 0.0)
        mine = []
        for entry in found.entries:
            asked += 1
            low, high = entry.score.low, entry.score.high
            if low is None or high is None:
                without += 1
                continue
            mine.append(low <= truth[int(entry.name[1:])] <= high)
            widths.append(high - low)
        if mine:
            scores.append(float(np.mean(mine)))
        for pair in found.pairs:
            a, b = int(pair.first[1:]), int(pair.second[1:])
            low, high = pair.difference.low, pair.difference.high
            if low is None or high is None:
                continue
            differences.append(low <= truth[a] - truth[b] <= high)
            if (a, b) == EQUAL:
                told.append(pair.decided)
    return Coverage(
        world, float(np.mean(scores)), float(np.std(scores) / np.sqrt(len(scores))),
        float(np.mean(differences)), float(np.mean(told)), without / asked, float(np.mean(widths)),
    )  # fmt: skip


def table(rows: Sequence[Coverage]) -> str:
    """Markdown."""
    lines = [
        "| form | raters | clips | raters differ | clips differ | score covered | difference covered |"
        " equal told apart | without | width |",
        "|---" * 10 + "|",
    ]
    for r in rows:
        w = r.world
        lines.append(
            f"| {w.form} | {w.raters} | {w.clips} | {w.people.raters_differ} | {w.people.clips_differ} "
            f"| {r.scores:.1%} ± {r.error:.1%} | {r.differences:.1%} | {r.told:.1%} | {r.without:.1%} | {r.width:.2f} |"
        )
    return "\n".join(lines)


# -- bad raters -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """Shares of raters of one kind: dropped for catch trials, called reversed, called no better than chance."""

    kind: Kind
    trials: int
    catch: int
    raters: int
    dropped: float
    reversed: float
    chance: float


def found(
    trials: int, catch: int, repetitions: int, seed: int, people: People, quiet: bool = False
) -> list[Found]:
    """24 raters on 12 clips: two click at random, one answers the other way round."""
    kinds: dict[int, Kind] = {4: "clicker", 9: "reversed", 14: "clicker"}
    key = made_key(len(people.worth), 12, trials=trials, lists=LISTS, catch=catch)
    said: dict[Kind, list[tuple[bool, bool, bool]]] = {"honest": [], "clicker": [], "reversed": []}
    label = f"{trials} answers, {catch} catch trials"
    for i in tqdm(range(repetitions), desc=label, disable=quiet, mininterval=10):
        with tempfile.TemporaryDirectory() as folder:
            files = write_ballots(Path(folder), key, people, 24, 12, 10_000 * seed + i, kinds)
            result = collected(files, key, Rule())
        who = {path.stem.removeprefix("answers-"): n for n, path in enumerate(files)}
        for line in result.rater_lines:
            judged = (
                "catch trials" in line.dropped_because,
                "reversed" in line.suspect,
                "chance" in line.suspect,
            )
            said[kinds.get(who[line.rater], "honest")].append(judged)  # fmt: skip
    return [
        Found(kind, trials, catch, len(rows), *(float(x) for x in np.mean(rows, axis=0)))
        for kind, rows in said.items()
    ]


def found_table(rows: Sequence[Found]) -> str:
    """Markdown."""
    lines = [
        "| answers | catch trials | rater | raters | dropped | called reversed | called no better than chance |",
        "|---" * 7 + "|",
    ]
    for r in rows:
        lines.append(
            f"| {r.trials} | {r.catch} | {r.kind} | {r.raters} | {r.dropped:.1%} | {r.reversed:.1%} | {r.chance:.1%} |"
        )
    return "\n".join(lines)


def passing(catch: int, count: int, seed: int) -> float:
    """Share of so many random clickers whom a list with this number of catch trials lets through."""
    people = People(WORTH)
    key = made_key(len(WORTH), 12, trials=12, lists=LISTS, catch=catch)
    clips = clips_of(people, 12, seed)
    passed = 0
    for i in range(count):
        data = ballot(key, people, clips, 1_000_000 * seed + i, "clicker")
        passed += not judge(
            key, Ballot.model_validate_json(json.dumps(data)), Rule()
        ).dropped_because
    return passed / count


SIZES = ((6, 8), (10, 12), (24, 12), (24, 30))
DIFFER = ((0.3, 0.3), (0.8, 0.3), (0.3, 0.8))
"""(raters, clips): standard deviations, in log odds or rating points."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("2afc", "mos", "found"))
    options = parser.parse_args()
    started = time.process_time()
    for form in ("2afc", "mos"):
        if options.part in (None, form):
            rows = [
                coverage(World(form, raters, clips, People(WORTH, raters_differ=r, clips_differ=c)), options.repetitions, options.seed)
                for r, c in DIFFER
                for raters, clips in SIZES
            ]  # fmt: skip
            print(table(rows), flush=True)
    if options.part in (None, "found"):
        people = People((1.6, 0.5, -0.5, -1.6))
        kinds = [
            row
            for trials, catch in ((12, 6), (20, 4), (30, 6), (30, 10), (60, 6))
            for row in found(trials, catch, max(options.repetitions // 4, 1), options.seed, people)
        ]
        print(found_table(kinds), flush=True)
        for catch in (2, 4, 6, 10):
            share = passing(catch, 40 * options.repetitions, options.seed)
            print(f"{share:.2%} of random clickers pass {catch} catch trials", flush=True)
    print(f"\n{time.process_time() - started:.0f} s of CPU time")


if __name__ == "__main__":
    main()
