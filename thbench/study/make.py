"""`thbench study make`: a finished run becomes a page for raters and the key to what they rated."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from thbench.api import FPS, Engine, UserError
from thbench.files.atomic import atomic_write, printable
from thbench.files.canonical import digest
from thbench.study import beeps
from thbench.study.design import Kind, Showing, catches, in_order, pairs, singles
from thbench.study.form import (
    CATCH_QUESTIONS,
    EntryRecord,
    Form,
    Layout,
    ShownVideo,
    StudyKey,
    TrialRecord,
    key_text,
    read_key,
)
from thbench.study.identifiers import noise, opaque
from thbench.study.material import Material
from thbench.study.page import write_page
from thbench.study.stimuli import VideoTask, lengths, shown_size, write_videos
from thbench.study.wording import wording

KEY, SITE = "key.json", "site"
FORMAT = 1
"""Raised when the page or its files change, so that another study gets another id."""
SOUNDS = 3


@dataclass(frozen=True)
class Asked:
    """What a person asked for. `trials` are those of one list without catch trials, `catch` those."""

    form: Form = "2afc"
    layout: Layout = "side-by-side"
    questions: Sequence[str] = ("sync", "realism", "identity")
    trials: int = 30
    lists: int = 8
    catch: int = 6
    tie: bool = True
    seconds: float = 6.0
    seed: int = 0
    title: str = ""
    languages: Sequence[str] = ("en", "de", "fr", "es", "zh")
    wording: Path | None = None
    post: str | None = None
    headphones: bool = True


@dataclass(frozen=True)
class Made:
    """What `make` wrote, and what is to be said about it."""

    site: Path
    key: Path
    videos: int
    bytes_of_each: int
    said: Sequence[str]


def make(material: Material, asked: Asked, out: Path, engine: Engine) -> Made:
    """Write OUT/site and OUT/key.json. The same command again makes the same bytes.

    Raises UserError where OUT holds another study: its ballots would not fit any more.
    """
    words = wording(asked.languages, asked.questions, asked.wording)
    made_of = _made_of(material, asked, words)
    secret = _secret(out, made_of)
    plan = _Plan(material, asked, secret)
    key = plan.key(made_of)
    site = out / SITE
    _remove_strays(site, key)
    atomic_write(out / KEY, key_text(key))
    (out / KEY).chmod(0o600)
    sizes = write_videos(list(plan.tasks(key)), site / "v", secret, engine)
    for name, count in sorted(key.beeps.items()):
        rng = random.Random(noise(secret, f"beeps {name}", 16))  # noqa: S311
        beeps.write_beeps(site / "s" / f"{name}.wav", count, rng)
    write_page(site, key, words, asked.post)
    return Made(site, out / KEY, len(sizes), max(sizes.values()), plan.said)


def _made_of(material: Material, asked: Asked, words: Any) -> dict[str, Any]:
    """Everything that the study follows from, but for the secret."""
    return {
        "format": FORMAT,
        "suite": material.suite,
        "suite_digest": material.suite_digest,
        "entries": [[e.name, e.resolution, e.contestant, e.videos_digest] for e in material.entries],
        "clips": [clip.id for clip in material.clips],
        "asked": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(asked).items()
            if name != "wording"
        },
        "words": digest(words),
    }  # fmt: skip


def _secret(out: Path, made_of: dict[str, Any]) -> str:
    """That of the study that is there already, or a new one. Raises UserError for another study."""
    if not (out / KEY).exists():
        return secrets.token_hex(32)
    key = read_key(out / KEY)
    if key.made_of != made_of:
        changed = [k for k in made_of if key.made_of.get(k) != made_of[k]]
        raise UserError(
            f"{printable(out)} holds another study (other {', '.join(changed)}), whose answers would not fit",
            "give another -o, or remove the folder",
        )
    return key.secret


def _remove_strays(site: Path, key: StudyKey) -> None:
    """Files of an earlier attempt that this study does not have."""
    known = {f"{name}.mp4" for name in key.videos} | {f"{name}.wav" for name in key.beeps}
    for path in [*site.glob("v/*"), *site.glob("s/*")]:
        if path.name not in known:
            path.unlink()


class _Plan:
    """From systems and clips to trials and files, all under opaque names."""

    def __init__(self, material: Material, asked: Asked, secret: str) -> None:
        self.material, self.asked, self.secret = material, asked, secret
        self.frames = lengths(material, asked.seconds)
        self.said = list(material.left_out)
        self.videos: dict[str, ShownVideo] = {}
        self.trials: dict[str, TrialRecord] = {}
        self.catch_question = next((q for q in CATCH_QUESTIONS if q in asked.questions), None)

    def key(self, made_of: dict[str, Any]) -> StudyKey:
        lists = tuple(tuple(self._list(number)) for number in range(self.asked.lists))
        rng = random.Random(noise(self.secret, "counts", 16))  # noqa: S311
        numbers = beeps.counts(SOUNDS, rng) if self.asked.headphones else []
        sounds = sorted((opaque(self.secret, "sound", i), n) for i, n in enumerate(numbers))
        entries = tuple(
            EntryRecord(
                name=e.name,
                kind="control" if e.kind == "control" else "system",
                resolution=e.resolution,
                contestant=e.contestant,
                videos_digest=e.videos_digest,
            )
            for e in self.material.entries
        )
        asked = self.asked
        return StudyKey(
            schema=1, study=opaque(self.secret, "study", digest(made_of)), secret=self.secret,
            title=asked.title, seed=asked.seed, form=asked.form, layout=asked.layout, tie=asked.tie,
            questions=tuple(asked.questions), catch_question=self.catch_question, made_of=made_of,
            entries=entries, actors={c.id: c.actor for c in self.material.clips},
            videos=dict(sorted(self.videos.items())), trials=dict(sorted(self.trials.items())),
            lists=lists, beeps=dict(sounds),
        )  # fmt: skip

    def _list(self, number: int) -> Iterator[str]:
        """Ids of the trials of one list in their order; every list continues the design of the one before."""
        asked, systems = self.asked, len(self.material.contestants)
        start, stop = number * asked.trials, (number + 1) * asked.trials
        design = pairs if asked.form == "2afc" else singles
        clips = len(self.material.clips)
        shown = design(systems, clips, stop, asked.seed)[start:]
        caught = self._catches(number, shown)
        ordered = in_order(shown, caught, asked.seed * 10_007 + number)
        for place, one in enumerate(ordered):
            yield self._trial(number, place, one)

    def _catches(self, number: int, shown: Sequence[Showing]) -> list[Showing]:
        wrong = [i for i, c in enumerate(self.material.clips) if c.id in self.material.speech]
        kinds = self._kinds(bool(wrong))
        return catches(kinds, wrong, shown, self.asked.seed * 10_007 + number)

    def _kinds(self, can_mismatch: bool) -> list[Kind]:
        """Half of the catch trials of each kind, as far as they mean anything."""
        can_mismatch = can_mismatch and self.catch_question is not None
        twice: list[Kind] = ["twice"] if self.asked.tie or self.asked.form == "mos" else []
        kinds: list[Kind] = [*(["mismatched"] if can_mismatch else []), *twice]  # type: ignore[list-item]
        if not kinds:
            self._say("no catch trials: nothing that is asked shows in them")
            return []
        if not can_mismatch and self.asked.catch:
            self._say(
                "no catch trials with mismatched speech: no question or no other sentence for it"
            )
        return [kinds[i % len(kinds)] for i in range(self.asked.catch)]

    def _say(self, words: str) -> None:
        if words not in self.said:
            self.said.append(words)

    def _trial(self, number: int, place: int, one: Showing) -> str:
        """Its id; the trial and its videos are entered."""
        clip, who = self.material.clips[one.clip].id, self.material.contestants
        truth, pair = self.material.truth, self.asked.form == "2afc"
        side: Literal["left", "right"] | None = None
        if one.kind == "mismatched":
            wrong = self._video(clip, truth, self.material.speech[clip])
            true = self._video(clip, truth) if pair else wrong
            left, right = (true, wrong) if one.first == 0 else (wrong, true)
            side = "left" if one.first == 0 else "right"
        else:
            again = one.kind == "twice"
            left = self._video(clip, who[one.first], copy=int(again and not pair))
            right = self._video(clip, who[one.second or 0], copy=int(again)) if pair else left
        name = opaque(self.secret, "trial", number, place)
        each = self.frames[clip] * 1000 // FPS
        self.trials[name] = TrialRecord(
            kind=one.kind,
            clip=clip,
            left=left,
            right=right if pair else None,
            truth=side if pair else None,
            milliseconds=each * (2 if pair else 1),
        )
        return name

    def _video(self, clip: str, entry: int, sound: str = "", copy: int = 0) -> str:
        name = opaque(self.secret, "video", clip, entry, sound, copy)
        self.videos[name] = ShownVideo(clip=clip, entry=entry, sound=sound)
        return name

    def tasks(self, key: StudyKey) -> Iterator[VideoTask]:
        """One file per video of the key."""
        size = shown_size(self.material)
        truth = self.material.entries[self.material.truth]
        for name, shown in key.videos.items():
            entry = self.material.entries[shown.entry]
            speech = (truth.folder, truth.records[shown.sound]) if shown.sound else None
            yield VideoTask(
                name, entry.folder, entry.records[shown.clip], self.frames[shown.clip], size, speech
            )
