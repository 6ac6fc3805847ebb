"""Where a square lies in a picture, and the one transform that makes a clip's picture of it.

A dataset says with a `Square` where its picture lies in the recording. A video that was delivered at
the recording's framing is cut to the same square, so that both sides of a comparison go through the
same transform; a video that is that square already is taken as it is. `placed` decides which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thbench.errors import ClipFailure

Picture: TypeAlias = NDArray[np.uint8]
"""[H, W, 3] RGB, 0..255."""
Crop: TypeAlias = Literal["as-reference", "own-face", "none"]
How: TypeAlias = Literal["as it is", "as its reference", "own face"]

SLACK = 2
"""Pixels by which a scaled width or height may differ: encoders round both to even numbers."""
_LOOK = 64  # side in pixels at which two pictures are compared to tell a crop from a whole picture
_SURE, _LEAD = 0.9, 0.3  # likeness from which, and lead with which, the picture decides
_DARK, _FLAT = 24, 4.0  # largest mean and standard deviation, grey levels, of a row of a black bar


@dataclass(frozen=True)
class Square:
    """A square of a picture, in pixels of that picture; it may reach beyond its edges.

    left, top, side   of the square; whole numbers in a dataset, fractions after `scaled`
    width, height     of the picture, as it is displayed
    via               side in pixels at which the dataset keeps the square, where it makes other
                      sizes from that; None where it cuts every size from the picture
    """

    left: float
    top: float
    side: float
    width: int
    height: int
    via: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole of a square picture."""
        return (self.left, self.top) == (0, 0) and self.side == self.width == self.height

    def scaled(self, width: int, height: int) -> Square | None:
        """The same square in the same picture at another size; None where the aspect differs."""
        scale = max(width, height) / max(self.width, self.height)
        off = abs(self.width * scale - width), abs(self.height * scale - height)
        if max(off) > SLACK:
            return None
        x, y = width / self.width, height / self.height
        if self.is_whole and width == height:
            return Square(0, 0, width, width, height, self.via)
        side = self.side * (x + y) / 2
        # The middle is kept where x and y differ by the rounding of an encoder.
        left = (self.left + self.side / 2) * x - side / 2
        top = (self.top + self.side / 2) * y - side / 2
        return Square(left, top, side, width, height, self.via)

    def cut(self, picture: Picture, size: int) -> Picture:
        """[size, size, 3] uint8 of one [H, W, 3] picture: the square, resized.

        What lies beyond the picture repeats its edge. Smaller: area averages, which neither alias
        nor ring; larger: bicubic (OpenCV's, a = -0.75). With `via` the square is made at that size
        first. Raises ValueError for a picture of another size than the square's.
        """
        if picture.shape[:2] != (self.height, self.width):
            raise ValueError(f"{picture.shape[:2]}: not {self.width} x {self.height} px")
        if self.via is not None and self.via != size:
            return whole(self.via, self.via).cut(
                replace(self, via=None).cut(picture, self.via), size
            )
        if all(float(v).is_integer() for v in (self.left, self.top, self.side)):
            return _resized(_inside(picture, int(self.left), int(self.top), int(self.side)), size)
        return _fractional(picture, self, size)


def whole(width: int, height: int) -> Square:
    """A square picture itself. Raises ValueError where it is not square."""
    if width != height:
        raise ValueError(f"{width} x {height} is not square")
    return Square(0, 0, width, width, height)


def whole_square(pictures: NDArray[np.uint8]) -> Square:
    """The largest square in the middle of pictures [..., H, W, 3]."""
    height, width = pictures.shape[-3:-1]
    side = min(height, width)
    return Square((width - side) // 2, (height - side) // 2, side, width, height)


def resized_square(frames: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    """[T, size, size, 3] uint8 of frames [T, H, W, 3]: the square of each, as `Square.cut` makes it.

    What a dataset gives as `Source.frames`, with the square as `Source.frame`. Raises ValueError for frames of
    another size than the square's picture.
    """
    return np.stack([square.cut(frame, size) for frame in frames])


@dataclass(frozen=True)
class Placement:
    """Which square of a delivered picture stands for the reference's, and why that one.

    likeness   correlation of the first picture's square with the identity frame, -1..1, for each way
               that was possible; empty where only one was
    """

    how: How
    square: Square
    why: str
    likeness: tuple[tuple[How, float], ...] = ()

    def record(self) -> dict[str, Any]:
        """As it stands in journals and results."""
        at = self.square
        found: dict[str, Any] = {
            "how": self.how,
            "why": self.why,
            "square": [round(float(v), 3) for v in (at.left, at.top, at.side)],
            "picture": [at.width, at.height],
        }
        if self.likeness:
            found["likeness"] = {how: round(value, 3) for how, value in self.likeness}
        return found


def placed(first: Picture, identity: Picture, frame: Square | None, crop: Crop) -> Placement:
    """Where the reference's square lies in a delivered video, judged by its size and first picture.

    first      [H, W, 3], the video's first picture
    identity   [size, size, 3], the identity frame: what the square should look like
    frame      the reference's square in its recording, None where the dataset does not say
    crop       `as-reference`: the reference's square where the video has the recording's framing,
               the video as it is where it is that square already; `none`: always as it is

    Raises ClipFailure where it is neither.
    """
    height, width = first.shape[:2]
    square = width == height
    scaled = None if frame is None or crop == "none" else frame.scaled(width, height)
    if frame is None or frame.is_whole or scaled is None:
        if square:
            return Placement("as it is", whole(width, height), _reason_as_is(frame, crop))
        raise ClipFailure(_neither(first, frame, crop))
    same = (width, height) == (frame.width, frame.height)
    why = f"{'the' if same else 'the aspect of the'} recording's {frame.width} x {frame.height} px"
    if not square:
        return Placement("as its reference", scaled, why)
    seen: dict[How, float] = {
        "as its reference": likeness(scaled.cut(first, _LOOK), identity),
        "as it is": likeness(first, identity),
    }
    how, why = _likest(seen, same, width == identity.shape[0])
    at = whole(width, height) if how == "as it is" else scaled
    return Placement(how, at, why, tuple(sorted(seen.items())))


def _likest(seen: Mapping[How, float], recordings: bool, asked: bool) -> tuple[How, str]:
    """The way whose first picture is likest to the identity frame.

    Pictures that are like it in neither way (of a generator that is still in training, say) are judged
    by their size: the recording's, or the one that was asked for.
    """
    likest = max(seen, key=lambda how: seen[how])
    lead = abs(seen["as it is"] - seen["as its reference"])
    if (seen[likest] < _SURE and lead < _LEAD) and recordings != asked:
        if recordings:
            return "as its reference", "the recording's size; unlike the identity frame"
        return "as it is", "the size that was asked for; unlike the identity frame"
    return likest, "the likest to the identity frame"


def _reason_as_is(frame: Square | None, crop: Crop) -> str:
    if crop == "none":
        return "crop: none"
    if frame is None:
        return "the dataset does not say where its square lies"
    return "square, as the reference is" if frame.is_whole else "square, unlike the recording"


def _neither(first: Picture, frame: Square | None, crop: Crop) -> str:
    height, width = first.shape[:2]
    said = f"{width} x {height} px is not square"
    if crop == "none":
        return f"{said}: set crop: as-reference, or crop the video first"
    bars = black_bars(first)
    inner = (width - bars[2] - bars[3], height - bars[0] - bars[1])
    if frame is None or frame.is_whole:
        wanted = "and the reference is: crop the video first, or set crop: own-face"
        return f"{said} {wanted}{_named(bars)}"
    said += f" and not framed as its recording ({frame.width} x {frame.height} px)"
    if any(bars) and frame.scaled(*inner) is not None:
        return f"{said}: letterboxed, its recording lies within{_named(bars)}; cut the bars off"
    return f"{said}{_named(bars)}: set crop: own-face, or crop the video first"


def _named(bars: tuple[int, int, int, int]) -> str:
    sides = zip(("above", "below", "left", "right"), bars, strict=True)
    words = [f"{n} px {side}" for side, n in sides if n]
    return f" (black bars: {', '.join(words)})" if words else ""


def black_bars(picture: Picture) -> tuple[int, int, int, int]:
    """Rows above and below, columns left and right, that are black and flat: of a letterbox."""
    grey = picture.mean(axis=2)
    rows = (grey.mean(axis=1) < _DARK) & (grey.std(axis=1) < _FLAT)
    columns = (grey.mean(axis=0) < _DARK) & (grey.std(axis=0) < _FLAT)
    if rows.all() or columns.all():
        return 0, 0, 0, 0  # a dark picture is no letterbox
    return _run(rows), _run(rows[::-1]), _run(columns), _run(columns[::-1])


def _run(flags: NDArray[np.bool_]) -> int:
    """How many lead."""
    return int(np.argmin(flags)) if flags[0] else 0


def likeness(a: Picture, b: Picture) -> float:
    """Correlation of two square pictures in grey at 64 px, -1..1; 0 where one is flat."""
    one, other = (_grey(p) for p in (a, b))
    norm = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / norm) if norm > 0 else 0.0


def _grey(picture: Picture) -> NDArray[np.float64]:
    small = np.asarray(_resized(np.ascontiguousarray(picture), _LOOK).mean(axis=2), np.float64)
    return np.asarray(small - small.mean())


# -- cutting ------------------------------------------------------------------------------------


def _inside(picture: Picture, left: int, top: int, side: int) -> Picture:
    """[side, side, 3]; edges are repeated beyond the picture."""
    height, width = picture.shape[:2]
    right, bottom = left + side, top + side
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return picture[top:bottom, left:right]
    rows = np.clip(np.arange(top, bottom), 0, height - 1)
    columns = np.clip(np.arange(left, right), 0, width - 1)
    return np.asarray(picture[rows[:, None], columns[None]])


def _resized(square: Picture, size: int) -> Picture:
    import cv2

    side = square.shape[0]
    if square.shape[:2] == (size, size):
        return square
    how = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), np.uint8)


def _fractional(picture: Picture, at: Square, size: int) -> Picture:
    """As `cut` for squares between pixels: separable weights, area when smaller, bicubic when larger."""
    y0, rows = _weights(at.top, at.side, size)
    x0, columns = _weights(at.left, at.side, size)
    ys = np.clip(np.arange(y0, y0 + rows.shape[1]), 0, at.height - 1)
    xs = np.clip(np.arange(x0, x0 + columns.shape[1]), 0, at.width - 1)
    seen = picture[ys[:, None], xs[None]].astype(np.float32)  # [h, w, 3]
    mixed = np.einsum("ih,hwc,jw->ijc", rows, seen, columns, optimize=True)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _weights(start: float, side: float, size: int) -> tuple[int, NDArray[np.float32]]:
    """First source pixel and [size, n] weights of the n source pixels from there, rows sum to 1."""
    step = side / size
    margin = 0 if step >= 1 else 2  # the cubic reaches two pixels beyond
    first = int(np.floor(start)) - margin
    pixels = np.arange(first, int(np.ceil(start + side)) + margin)
    edges = start + step * np.arange(size + 1)
    if step >= 1:  # the share of each source pixel that lies in the target pixel
        low = np.maximum(edges[:-1, None], pixels[None])
        high = np.minimum(edges[1:, None], pixels[None] + 1)
        weights = np.clip(high - low, 0, None)
    else:
        middles = (edges[:-1] + edges[1:]) / 2 - 0.5  # pixel centres at integers
        weights = _cubic(np.abs(middles[:, None] - pixels[None]))
    return first, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel (1981, eq. 4) with a = -0.75, as OpenCV's INTER_CUBIC."""
    a = -0.75
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
