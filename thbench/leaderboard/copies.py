"""Rows whose numbers or features are those of the ground truth: its videos were handed in as a system's.

Files tell this only of crude copies; thbench.video.likeness finds the others where videos are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from thbench.api import Given, Observed
from thbench.leaderboard.store import CommittedRow
from thbench.results.document import ScoreRecord
from thbench.results.ranking import COPIES_ALLOWED
from thbench.results.scores import is_same

NEAR = 0.1
"""Distance of a clip's features from the ground truth's, as a share of how far these move within the
clip, below which they are taken for them: docs/security.md has the rates it was chosen by."""
NEAR_OF: Mapping[Given, float] = {"image": NEAR, "recording": 1e-4}
"""By what a system is given: of pictures that differ in the mouth alone features may be near, so that
only features that are equal but for rounding count."""
LATE = 4
"""Frames by which they may be shifted."""
_FEWEST = 8


def copied_rows(row: CommittedRow, truth: CommittedRow | None) -> Iterator[str]:
    """Problems of a row whose videos, or whose numbers of single clips, are those of the ground truth."""
    if truth is None or row.is_control:
        return
    if row.result.clips.videos_digest == truth.result.clips.videos_digest:
        yield "its videos are those of the ground truth"
        return
    same = [clip for clip in row.clips.actors if _same_numbers(row, truth, clip)]
    if same and len(same) > COPIES_ALLOWED * row.result.clips.n:
        yield f"{len(same)} clip(s) have the numbers of the ground truth in every column: {same[0]}, ..."


def _same_numbers(row: CommittedRow, truth: CommittedRow, clip: str) -> bool:
    """Whether every number that scores of single clips use is the ground truth's, and one is no whole number."""
    columns = {s.over.column for s in row.result.scores.values() if _of_clips(s) and s.over}
    pairs = [(_number(row, c, clip), _number(truth, c, clip)) for c in sorted(columns)]
    if not pairs or any(a is None or b is None for a, b in pairs):
        return False
    equal = all(is_same(a, b) for a, b in pairs if a is not None and b is not None)
    return equal and any(a is not None and a != int(a) for a, _ in pairs)


def _of_clips(score: ScoreRecord) -> bool:
    return not score.set_level and score.over is not None


def _number(row: CommittedRow, column: str, clip: str) -> float | None:
    try:
        value = float(row.clips.cells.get(column, {}).get(clip, ""))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def copied_features(
    generated: Sequence[Observed], references: Sequence[Observed], near_to: float = NEAR
) -> Iterator[str]:
    """Problems of a row whose feature archive holds those of the ground truth, exact or nearly."""
    truth = {o.clip.id: o for o in references}
    near = [
        o.clip.id
        for o in generated
        if o.clip.id in truth
        and any(
            feature_distance(array, truth[o.clip.id].arrays[name]) < near_to
            for name, array in o.arrays.items()
            if name in truth[o.clip.id].arrays
        )
    ]
    if near and len(near) > COPIES_ALLOWED * len(generated):
        yield f"{len(near)} clip(s) have the features of the ground truth: {near[0]}, ..."


def feature_distance(ours: NDArray[np.generic], theirs: NDArray[np.generic]) -> float:
    """Of features [T, D] from others, over how far the latter are from their mean; the least over delays.

    inf where they cannot be compared: other shapes, few frames, or nothing that moves.
    """
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1]:
        return float("inf")
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    found = [float("inf")]
    for late in range(-LATE, LATE + 1):
        n = min(len(a) - max(late, 0), len(b) - max(-late, 0))
        if n < _FEWEST:
            continue
        x, y = a[max(late, 0) :][:n], b[max(-late, 0) :][:n]
        moved = float(np.linalg.norm(y - y.mean(0)))
        if moved > 0:
            found.append(float(np.linalg.norm(x - y)) / moved)
    return min(found)
