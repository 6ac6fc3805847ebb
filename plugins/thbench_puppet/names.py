"""Who says what, how: clip names and labels in CREMA-D's manner (ACTOR_SENTENCE_EMOTION_LEVEL)."""

from __future__ import annotations

from functools import cache

from thbench.api import Clip
from thbench_puppet.actors import ACTORS, actor
from thbench_puppet.sentences import SENTENCES

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
GRADED = "IEO"
"""The one sentence spoken at three levels, in every emotion but the neutral one."""


def levels_of(sentence: str, emotion: str) -> tuple[str, ...]:
    return ("LO", "MD", "HI") if sentence == GRADED and emotion != "NEU" else ("XX",)


def parts_of(clip_id: str) -> tuple[str, str, str, str]:
    """(actor, sentence, emotion, level) of a clip id."""
    name, sentence, emotion, level = clip_id.split("_")
    return name, sentence, emotion, level


def _clip(name: str, sentence: str, emotion: str, level: str) -> Clip:
    who = actor(name)
    labels = {
        "sentence": sentence,
        "emotion": emotion,
        "level": level,
        "age": str(who.age),
        "sex": who.sex,
        "hair": who.hair_style,
    }
    return Clip(f"{name}_{sentence}_{emotion}_{level}", name, labels)


@cache
def all_clips() -> tuple[Clip, ...]:
    """Every clip of every actor, 82 each, sorted by id."""
    clips = [
        _clip(name, sentence, emotion, level)
        for name in ACTORS
        for sentence in SENTENCES
        for emotion in EMOTIONS
        for level in levels_of(sentence, emotion)
    ]
    return tuple(sorted(clips, key=lambda clip: clip.id))


@cache
def clip_ids() -> frozenset[str]:
    return frozenset(clip.id for clip in all_clips())
