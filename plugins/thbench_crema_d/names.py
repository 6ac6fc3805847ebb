"""What a CREMA-D file name says: ACTOR_SENTENCE_EMOTION_LEVEL."""

from __future__ import annotations

import re

__all__ = ["EMOTIONS", "LEVELS", "PATTERN", "SENTENCES", "parts_of"]

PATTERN = re.compile(r"^\d{4}_[A-Z]{3}_[A-Z]{3}_(XX|LO|MD|HI)$")

SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}


def parts_of(clip_id: str) -> tuple[str, str, str, str]:
    """(actor, sentence, emotion, level) of a clip. Raises ValueError for any other name."""
    actor, sentence, emotion, level = clip_id.split("_") if PATTERN.match(clip_id) else [""] * 4
    if sentence not in SENTENCES or emotion not in EMOTIONS:
        raise ValueError(f"'{clip_id}' is no CREMA-D clip name (ACTOR_SENTENCE_EMOTION_LEVEL)")
    return actor, sentence, emotion, level
