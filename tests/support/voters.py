"""Raters that are simulated: known worth of systems, known spread of raters and clips, answers as a page writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from thbench.study.design import in_order, pairs
from thbench.study.form import EntryRecord, ShownVideo, StudyKey, TrialRecord, checksum
from thbench.study.identifiers import opaque

SECRET = "5" * 64
Kind = Literal["honest", "clicker", "reversed"]


@dataclass(frozen=True)
class People:
    """What the world is like: `worth` by system in log odds, `nu` of ties, and how far raters and clips differ."""

    worth: tuple[float, ...]
    nu: float = 0.6
    raters_differ: float = 0.3
    clips_differ: float = 0.3
    lapse: float = 0.03


def made_key(
    systems: int,
    clips: int,
    trials: int = 30,
    lists: int = 4,
    catch: int = 6,
    questions: tuple[str, ...] = ("sync",),
) -> StudyKey:
    """The key of a study without its videos."""
    entries = [
        EntryRecord(
            name=f"system{i}", kind="system", resolution=64, contestant=True, videos_digest="0"
        )
        for i in range(systems)
    ]
    entries.append(
        EntryRecord(
            name="ground-truth", kind="control", resolution=64, contestant=False, videos_digest="0"
        )
    )
    videos: dict[str, ShownVideo] = {}
    all_trials: dict[str, TrialRecord] = {}

    def video(clip: int, entry: int, sound: str = "", copy: int = 0) -> str:
        name = opaque(SECRET, "video", clip, entry, sound, copy)
        videos[name] = ShownVideo(clip=f"c{clip}", entry=entry, sound=sound)
        return name

    from thbench.study.design import catches

    all_lists = []
    for number in range(lists):
        shown = pairs(systems, clips, (number + 1) * trials, 0)[number * trials :]
        kinds = [("mismatched", "twice")[i % 2] for i in range(catch)]
        caught = catches(kinds, list(range(clips)), shown, number)  # type: ignore[arg-type]
        names = []
        for place, one in enumerate(in_order(shown, caught, number)):
            truth = None
            if one.kind == "mismatched":
                true, wrong = video(one.clip, systems), video(one.clip, systems, "other")
                left, right = (true, wrong) if one.first == 0 else (wrong, true)
                truth = "left" if one.first == 0 else "right"
            else:
                left = video(one.clip, one.first)
                right = video(one.clip, one.second or 0, copy=int(one.kind == "twice"))
            name = opaque(SECRET, "trial", number, place)
            all_trials[name] = TrialRecord(
                kind=one.kind,
                clip=f"c{one.clip}",
                left=left,
                right=right,
                truth=truth,
                milliseconds=4000,  # type: ignore[arg-type]
            )
            names.append(name)
        all_lists.append(tuple(names))
    return StudyKey(
        schema=1, study=opaque(SECRET, "study"), secret=SECRET, title="", seed=0, form="2afc",
        layout="side-by-side", tie=True, questions=questions, catch_question="sync", made_of={},
        entries=tuple(entries), actors={f"c{c}": str(c) for c in range(clips)}, videos=videos,
        trials=all_trials, lists=tuple(all_lists), beeps={"0" * 15 + "1": 4, "0" * 15 + "2": 5, "0" * 15 + "3": 7},
    )  # fmt: skip


def ballot(
    key: StudyKey, people: People, clips: np.ndarray, seed: int, kind: Kind = "honest"
) -> dict[str, Any]:
    """One rater's ballot. clips [clips, systems]: how much better than its worth a system is on each clip."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, people.raters_differ, len(people.worth))
    number = seed % len(key.lists)
    answers = []
    for name in key.lists[number]:
        trial = key.trials[name]
        given = {q: _answer(rng, key, trial, people, taste, clips, kind) for q in key.questions}
        answers.append(
            {
                "trial": name,
                "answers": given,
                "milliseconds": trial.milliseconds + 1000 + int(rng.integers(4000)),
                "plays": [1, 1],
            }
        )
    beeps = [{"sound": s, "count": n} for s, n in key.beeps.items()]
    return signed({
        "schema": 1, "study": key.study, "rater": opaque(SECRET, "rater", seed), "list": number, "language": "en",
        "started": 1_700_000_000_000, "finished": 1_700_000_600_000 + seed, "beeps": beeps, "answers": answers,
    })  # fmt: skip


def signed(data: Mapping[str, Any]) -> dict[str, Any]:
    """With the sum that the page would write."""
    rest = {k: v for k, v in data.items() if k != "check"}
    return {**rest, "check": checksum(json.dumps(rest, separators=(",", ":"), ensure_ascii=False))}


def _answer(
    rng: np.random.Generator,
    key: StudyKey,
    trial: TrialRecord,
    people: People,
    taste: np.ndarray,
    clips: np.ndarray,
    kind: Kind,
) -> str:
    words = ("left", "tie", "right")
    if kind == "clicker" or rng.random() < people.lapse:
        return words[rng.integers(3)]
    flip = -1.0 if kind == "reversed" else 1.0
    if trial.kind == "twice":
        return "tie"
    if trial.kind == "mismatched":
        right = trial.truth == "left"
        return words[0] if right == (flip > 0) else words[2]
    a, b = (key.videos[str(v)].entry for v in (trial.left, trial.right))
    clip = sorted(key.actors).index(trial.clip)
    felt = np.array(people.worth) + taste + clips[clip]
    gap = flip * (felt[a] - felt[b])
    weights = np.array([np.exp(gap / 2), people.nu, np.exp(-gap / 2)])
    return str(rng.choice(words, p=weights / weights.sum()))


def clips_of(people: People, clips: int, seed: int) -> np.ndarray:
    """[clips, systems] effects of clips."""
    return np.random.default_rng(seed).normal(0, people.clips_differ, (clips, len(people.worth)))


def write_ballots(
    folder: Path,
    key: StudyKey,
    people: People,
    raters: int,
    clips: int,
    seed: int,
    kinds: Mapping[int, Kind] | None = None,
) -> list[Path]:
    """Files of so many raters; `kinds` of those who are not honest, by number."""
    folder.mkdir(parents=True, exist_ok=True)
    effects = clips_of(people, clips, seed)
    found = []
    for number in range(raters):
        data = ballot(
            key, people, effects, 1000 * seed + number, (kinds or {}).get(number, "honest")
        )
        path = folder / f"answers-{data['rater']}.json"
        path.write_text(json.dumps(data, separators=(",", ":")))
        found.append(path)
    return found
