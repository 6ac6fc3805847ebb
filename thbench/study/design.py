"""Which videos are shown, against which, on which side and in which order. Pure functions of one seed.

Rounds pair every two systems once, each pair on another clip, and rotate the clips from round to round: a
cyclic incomplete block design. After as many rounds as there are clips every pair has met on every clip.
Pairs, clips and sides are counted evenly wherever the design is cut.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["pair", "single", "mismatched", "twice"]
"""`mismatched`: the ground truth against itself with another clip's speech (in `mos` that alone);
`twice`: one video against itself (in `mos`: one of the list's videos a second time)."""


@dataclass(frozen=True)
class Showing:
    """One question of a list. `first` and `second` are indices of systems; None where nothing stands there.

    In a catch trial of a `mismatched` pair `first` says which side has the true sound: 0 left, 1 right.
    """

    kind: Kind
    clip: int
    first: int
    second: int | None = None


def pairs(systems: int, clips: int, count: int, seed: int) -> list[Showing]:
    """The first `count` pairs of the design, clips and systems in a seeded order.

    Of any stretch: each of the S (S - 1) / 2 pairs stands `count` / pairs times, rounded either way.
    """
    rng = random.Random(f"pairs {seed}")  # noqa: S311  a design, not a secret
    names, films = _shuffled(rng, systems), _shuffled(rng, clips)
    every = list(combinations(range(systems), 2))
    rng.shuffle(every)
    found = []
    for number in range(count):
        turn, place = divmod(number, len(every))
        a, b = every[place]
        clip = films[(turn + place) % clips]
        swapped = (a + b + turn % clips + turn // clips) % 2
        left, right = (b, a) if swapped else (a, b)
        found.append(Showing("pair", clip, names[left], names[right]))
    return found


def singles(systems: int, clips: int, count: int, seed: int) -> list[Showing]:
    """The first `count` single videos: a cyclic Latin square of systems and clips."""
    rng = random.Random(f"singles {seed}")  # noqa: S311
    names, films = _shuffled(rng, systems), _shuffled(rng, clips)
    found = []
    for number in range(count):
        turn, place = divmod(number, systems)
        found.append(Showing("single", films[(turn + place) % clips], names[place]))
    return found


def catches(
    kinds: Sequence[Kind], mismatchable: Sequence[int], shown: Sequence[Showing], seed: int
) -> list[Showing]:
    """Catch trials of these kinds, in a seeded choice; sides alternate.

    mismatchable  clips that another clip's speech exists for
    shown         trials of the list: `twice` repeats a video of one of them
    """
    rng = random.Random(f"catches {seed}")  # noqa: S311
    wrong, others = list(mismatchable), list(shown)
    rng.shuffle(wrong)
    rng.shuffle(others)
    side = rng.randrange(2)
    found = []
    for number, kind in enumerate(kinds):
        if kind == "mismatched":
            side = 1 - side
            found.append(Showing(kind, wrong[number % len(wrong)], side))
        else:
            other = others[number % len(others)]
            found.append(Showing(kind, other.clip, other.first, other.first))
    return found


def in_order(shown: Sequence[Showing], caught: Sequence[Showing], seed: int) -> list[Showing]:
    """A seeded order: catch trials spread over the list and never first, one clip not twice in a row
    where that can be had."""
    rng = random.Random(f"order {seed}")  # noqa: S311
    rest, late = list(shown), list(caught)
    rng.shuffle(rest)
    rng.shuffle(late)
    every = len(rest) / (len(late) + 1) if late else 0.0
    found: list[Showing] = []
    for number in range(1, len(caught) + 1):
        while rest and len(found) - number + 1 < round(number * every):
            found.append(_next(rest, found))
        found.append(_next(late, found))
    while rest:
        found.append(_next(rest, found))
    return found


def _next(rest: list[Showing], found: Sequence[Showing]) -> Showing:
    last = found[-1].clip if found else None
    place = next((i for i, one in enumerate(rest) if one.clip != last), 0)
    return rest.pop(place)


def _shuffled(rng: random.Random, count: int) -> list[int]:
    order = list(range(count))
    rng.shuffle(order)
    return order
