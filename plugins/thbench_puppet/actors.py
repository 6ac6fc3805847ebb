"""The cast: 91 people who differ in face, hair, dress and voice.

Every trait is spread evenly over the cast (a Latin hypercube), so that no two actors are alike and
every split sees the whole range.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from thbench_puppet.seeds import generator

ACTORS = tuple(str(number) for number in range(1001, 1092))

Colour = tuple[float, float, float]
"""Red, green, blue in 0..1."""

SKINS: tuple[Colour, ...] = (
    (0.97, 0.83, 0.74), (0.94, 0.77, 0.66), (0.90, 0.71, 0.58), (0.85, 0.65, 0.50),
    (0.77, 0.56, 0.42), (0.66, 0.46, 0.33), (0.53, 0.36, 0.26), (0.42, 0.28, 0.20),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (0.09, 0.07, 0.06), (0.16, 0.11, 0.08), (0.28, 0.18, 0.11), (0.40, 0.26, 0.15),
    (0.56, 0.38, 0.20), (0.76, 0.60, 0.36), (0.55, 0.24, 0.10),
)  # fmt: skip
GREYS: tuple[Colour, ...] = ((0.50, 0.49, 0.48), (0.70, 0.69, 0.68), (0.76, 0.75, 0.73))
EYES: tuple[Colour, ...] = (
    (0.25, 0.15, 0.08), (0.36, 0.22, 0.11), (0.42, 0.36, 0.18), (0.30, 0.42, 0.26),
    (0.28, 0.45, 0.60), (0.40, 0.48, 0.52),
)  # fmt: skip
SHIRTS: tuple[Colour, ...] = (
    (0.16, 0.18, 0.24), (0.55, 0.14, 0.16), (0.86, 0.86, 0.84), (0.22, 0.30, 0.52),
    (0.40, 0.40, 0.42), (0.72, 0.58, 0.30), (0.42, 0.22, 0.44), (0.12, 0.12, 0.12),
    (0.80, 0.48, 0.42), (0.20, 0.42, 0.50),
)  # fmt: skip
MALE_HAIR = ("short", "buzz", "side", "curly", "receding", "bald", "swept", "messy")
FEMALE_HAIR = ("long", "bob", "bun", "wavy", "fringe", "crop", "curls", "parted")
BEARDS = ("none", "none", "none", "stubble", "moustache", "goatee", "full")
NECKLINES = ("crew", "vee", "collar")


@dataclass(frozen=True)
class Face:
    """Proportions in face coordinates (canvas.py); x to the right, y down."""

    half_width: float
    squareness: float
    taper: float
    chin_y: float
    crown_y: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    eye_slant: float
    brow_gap: float
    brow_thickness: float
    brow_arch: float
    nose_width: float
    nose_y: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float


@dataclass(frozen=True)
class Voice:
    """pitch in Hz, tract as a factor on formants (1 is an average man), the rest in 0..1."""

    pitch: float
    tract: float
    breath: float
    roughness: float
    tempo: float
    brightness: float


@dataclass(frozen=True)
class Actor:
    name: str
    sex: str
    age: int
    face: Face
    voice: Voice
    skin: Colour
    hair: Colour
    hair_style: str
    hair_volume: float
    brow: Colour
    iris: Colour
    lips: Colour
    shirt: Colour
    neckline: str
    beard: str
    glasses: bool
    freckles: float
    liveliness: float


TRAITS = (
    "half_width", "squareness", "taper", "chin", "crown", "eye_x", "eye_y", "eye_width",
    "eye_height", "eye_slant", "brow_gap", "brow_thickness", "brow_arch", "nose_width", "nose_y",
    "mouth_y", "mouth_width", "upper_lip", "lower_lip", "pitch", "tract", "breath", "roughness",
    "tempo", "brightness", "age", "skin", "hair", "grey", "style", "volume", "iris", "lips",
    "shirt", "neckline", "beard", "glasses", "freckles", "liveliness",
)  # fmt: skip


@cache
def _cast() -> dict[str, dict[str, float]]:
    """Traits in 0..1 by actor and name, evenly spread over the men and over the women."""
    rng = generator("cast")
    cast: dict[str, dict[str, float]] = {name: {} for name in ACTORS}
    for trait in TRAITS:
        for names in (ACTORS[0::2], ACTORS[1::2]):
            places = (rng.permutation(len(names)) + rng.random(len(names))) / len(names)
            for name, place in zip(names, places, strict=True):
                cast[name][trait] = float(place)
    return cast


def _pick(options: tuple[object, ...], place: float) -> int:
    return min(int(place * len(options)), len(options) - 1)


def _face(t: dict[str, float], woman: bool) -> Face:
    def between(name: str, low: float, high: float) -> float:
        return low + (high - low) * t[name]

    return Face(
        half_width=between("half_width", 0.415, 0.485) - 0.012 * woman,
        squareness=between("squareness", 2.05, 2.75) - 0.15 * woman,
        taper=between("taper", 0.05, 0.20) + 0.05 * woman,
        chin_y=between("chin", 0.575, 0.665) - 0.015 * woman,
        crown_y=between("crown", -0.70, -0.63),
        eye_x=between("eye_x", 0.183, 0.214),
        eye_y=between("eye_y", -0.075, -0.025),
        eye_width=between("eye_width", 0.086, 0.103) + 0.003 * woman,
        eye_height=between("eye_height", 0.033, 0.046) + 0.004 * woman,
        eye_slant=between("eye_slant", -0.012, 0.020),
        brow_gap=between("brow_gap", 0.105, 0.150) + 0.012 * woman,
        brow_thickness=between("brow_thickness", 0.015, 0.030) - 0.004 * woman,
        brow_arch=between("brow_arch", 0.012, 0.045) + 0.006 * woman,
        nose_width=between("nose_width", 0.068, 0.104) - 0.006 * woman,
        nose_y=between("nose_y", 0.155, 0.215),
        mouth_y=between("mouth_y", 0.330, 0.385) - 0.006 * woman,
        mouth_width=between("mouth_width", 0.158, 0.204),
        upper_lip=between("upper_lip", 0.023, 0.040) + 0.004 * woman,
        lower_lip=between("lower_lip", 0.032, 0.054) + 0.004 * woman,
    )


def _voice(t: dict[str, float], woman: bool) -> Voice:
    pitch = 172 * (1.42 ** t["pitch"]) if woman else 86 * (1.75 ** t["pitch"])
    tract = 1.10 + 0.14 * t["tract"] if woman else 0.92 + 0.14 * t["tract"]
    return Voice(
        pitch=pitch,
        tract=tract,
        breath=t["breath"],
        roughness=t["roughness"],
        tempo=0.90 + 0.22 * t["tempo"],
        brightness=t["brightness"],
    )


def _hair_colour(t: dict[str, float], age: int) -> Colour:
    if age > 44 and t["grey"] < (age - 40) / 34:
        return GREYS[_pick(GREYS, t["hair"])]
    if t["skin"] > 0.62:
        return HAIRS[_pick(HAIRS[:2], t["hair"])]
    return HAIRS[_pick(HAIRS, t["hair"])]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of b in a."""
    values: NDArray[np.float64] = np.asarray(a) * (1 - share) + np.asarray(b) * share
    return float(values[0]), float(values[1]), float(values[2])


def _skin(place: float) -> Colour:
    position = place * (len(SKINS) - 1)
    low = min(int(position), len(SKINS) - 2)
    return mix(SKINS[low], SKINS[low + 1], position - low)


def _lips(t: dict[str, float], skin: Colour, woman: bool) -> Colour:
    natural = mix(skin, (0.62, 0.24, 0.24), 0.45)
    return mix(natural, (0.70, 0.12, 0.18), 0.75 * t["lips"] if woman else 0.12 * t["lips"])


@cache
def actor(name: str) -> Actor:
    """The actor of that name; KeyError if the cast has none."""
    t = _cast()[name]
    woman = ACTORS.index(name) % 2 == 1
    styles = FEMALE_HAIR if woman else MALE_HAIR
    age = round(20 + 54 * t["age"] ** 1.6)
    skin = _skin(t["skin"])
    hair = _hair_colour(t, age)
    return Actor(
        name=name,
        sex="female" if woman else "male",
        age=age,
        face=_face(t, woman),
        voice=_voice(t, woman),
        skin=skin,
        hair=hair,
        hair_style=styles[_pick(styles, t["style"])],
        hair_volume=t["volume"],
        brow=mix(mix(hair, (0.12, 0.08, 0.06), 0.45), skin, 0.15),
        iris=EYES[_pick(EYES[:2] if t["skin"] > 0.62 else EYES, t["iris"])],
        lips=_lips(t, skin, woman),
        shirt=SHIRTS[_pick(SHIRTS, t["shirt"])],
        neckline=NECKLINES[_pick(NECKLINES, t["neckline"])],
        beard="none" if woman else BEARDS[_pick(BEARDS, t["beard"])],
        glasses=t["glasses"] > 0.88,
        freckles=max(0.0, 4 * t["freckles"] - 3) if t["skin"] < 0.4 else 0.0,
        liveliness=0.6 + 0.8 * t["liveliness"],
    )
