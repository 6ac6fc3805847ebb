"""Which points of a face are what: of the 468-point mesh and of the 68 iBUG landmarks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IBUG", "MESH", "Layout"]


@dataclass(frozen=True)
class Layout:
    """Indices into the points of one face. Right and left are the person's own.

    rigid        points that only the head moves: nose, corners of the eyes, forehead
    right, left  p1..p6 of an eye: outer (left eye: inner) corner, two of the upper lid, the other corner,
                 two of the lower lid, as the eye aspect ratio pairs them (2 with 6, 3 with 5)
    lips         all points of the lips; `opening` pairs of opposite inner-lip points, upper and lower
    brow_right, brow_left, eyes  what the upper face is made of
    """

    name: str
    n: int
    rigid: tuple[int, ...]
    right: tuple[int, ...]
    left: tuple[int, ...]
    lips: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]
    brow_right: tuple[int, ...]
    brow_left: tuple[int, ...]
    eyes: tuple[int, ...]

    @property
    def brow_eye(self) -> tuple[int, ...]:
        return (*self.brow_right, *self.brow_left, *self.eyes)

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Corners of both eyes: right outer, right inner, left inner, left outer."""
        return self.right[0], self.right[3], self.left[0], self.left[3]


MESH = Layout(
    name="mesh468",
    n=468,
    rigid=(
        33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 10, 151, 9, 8, 127, 356, 234, 454, 93, 323, 103, 332,
        54, 284,
    ),
    right=(33, 160, 158, 133, 153, 144),
    left=(362, 385, 387, 263, 373, 380),
    lips=(
        61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 146, 91, 181, 84, 17, 314, 405, 321, 375,
        78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324,
    ),
    opening=((13, 14), (82, 87), (312, 317)),
    brow_right=(46, 52, 53, 55, 63, 65, 66, 70, 105, 107),
    brow_left=(276, 282, 283, 285, 293, 295, 296, 300, 334, 336),
    eyes=(
        33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
        263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    ),
)  # fmt: skip
"""MediaPipe's canonical face; its contours are those of `FACEMESH_LIPS`, `FACEMESH_RIGHT_EYE` and so on."""

IBUG = Layout(
    name="ibug68",
    n=68,
    rigid=(*range(27, 36), 36, 39, 42, 45),
    right=tuple(range(36, 42)),
    left=tuple(range(42, 48)),
    lips=tuple(range(48, 68)),
    opening=((62, 66), (61, 67), (63, 65)),
    brow_right=tuple(range(17, 22)),
    brow_left=tuple(range(22, 27)),
    eyes=tuple(range(36, 48)),
)
"""300-W's 68 points (Sagonas et al. 2013)."""
