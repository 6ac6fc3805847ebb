"""The registration check of a video: is its picture framed as its reference's?

The first picture is registered on the identity frame; where an installed extractor locates faces and its
weights are here, faces are compared with the reference's over the clip. Beyond the tolerances the clip is
marked with what was found. The tolerances were measured on real clips: docs/your_videos.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thbench.api import ClipFailure, Extractor, Frames, Request, UserError, Video
from thbench.environment import Settings
from thbench.files.atomic import atomic_write
from thbench.geometry import black_bars
from thbench.plugins import registry
from thbench.plugins.context import RunContext
from thbench.plugins.identity import used_extractors
from thbench.run.folder import Record, VideoFolder
from thbench.run.job import Job
from thbench.video import MemoryVideo
from thbench.video.registration import align

_LOOKS = 12
"""Frames of a clip in which faces are compared."""


@dataclass(frozen=True)
class Tolerance:
    """shift is a share of the side; scale and stretch are factors either way; turn is in degrees."""

    shift: float
    scale: float
    stretch: float = float("inf")
    turn: float = float("inf")


FIRST = Tolerance(shift=0.06, scale=1.08, stretch=1.10, turn=8.0)
"""Of the first picture against the identity frame."""
FACES = Tolerance(shift=0.12, scale=1.15)
"""Of faces against the reference's, medians over the clip: heads may move otherwise."""


def check(
    job: Job, folder: VideoFolder, request: Request, frames: Frames, reference: Video
) -> Record:
    """What stands in the clip's record under `registration`, see `registered`; beyond the tolerances a
    picture of both is stored."""
    found = registered(job.settings, request.identity_frame, frames, reference)
    if found["beyond"]:
        picture = side_by_side(request.identity_frame, frames[0])
        atomic_write(folder.alignment_file(request.clip_id), picture)
    return found


def registered(settings: Settings, identity: Frames, frames: Frames, reference: Video) -> Record:
    """How a video lies on its reference.

    by       what was compared
    first    the first picture against the identity frame; absent where too little of it agrees
    faces    by extractor: the median face against the reference's, or why there is none
    bars     pixels of black bars above, below, left, right that the identity frame has not
    beyond   what lies beyond the tolerances, in words; empty where all is well
    """
    first = frames[0]
    found: Record = {"by": ["pictures"], "beyond": []}
    if alignment := align(first, identity):
        found["first"] = _rounded(asdict(alignment))
        found["beyond"] += _named("first picture", words(found["first"], FIRST))
    if bars := added_bars(first, identity):
        found["bars"] = list(bars)
        found["beyond"].append(f"letterboxed by {_bar_words(bars, len(first))}")
    faces = {name: _compared(e, frames, reference) for name, e in face_locators(settings)}
    if faces:
        found["by"] += list(faces)
        found["faces"] = faces
    for name, face in faces.items():
        found["beyond"] += _named(f"faces ({name})", words(face, FACES))
    return found


def words(found: Mapping[str, Any], tolerance: Tolerance) -> list[str]:
    """What of a shift, scale, stretch and turn lies beyond a tolerance, in words."""
    said = []
    for key, more, less in (("right", "right", "left"), ("down", "down", "up")):
        value = found.get(key, 0.0)
        if abs(value) > tolerance.shift:
            said.append(f"{abs(value):.0%} of its side too far {more if value > 0 else less}")
    scale, stretch = found.get("scale", 1.0), found.get("stretch", 1.0)
    if max(scale, 1 / scale) > tolerance.scale:
        said.append(f"{scale:.2f} times as large")
    if max(stretch, 1 / stretch) > tolerance.stretch:
        said.append(f"{stretch:.2f} times as wide for its height")
    if abs(turn := found.get("turn", 0.0)) > tolerance.turn:
        said.append(
            f"turned by {abs(turn):.0f} degrees {'clockwise' if turn > 0 else 'counter-clockwise'}"
        )
    return said


def _named(what: str, said: Sequence[str]) -> list[str]:
    return [f"{what} {', '.join(said)}"] if said else []


def added_bars(first: Frames, identity: Frames) -> tuple[int, int, int, int] | None:
    """Black bars of at least 2 % of the side that the identity frame has not."""
    pairs = zip(black_bars(first), black_bars(identity), strict=True)
    grown = [mine - theirs for mine, theirs in pairs]
    least = max(2, round(0.02 * first.shape[0]))
    if max(grown) < least:
        return None
    above, below, left, right = (n if n >= least else 0 for n in grown)
    return above, below, left, right


def _bar_words(bars: Sequence[int], size: int) -> str:
    sides = zip(("above", "below", "left", "right"), bars, strict=True)
    return ", ".join(f"{n / size:.0%} {side}" for side, n in sides if n)


# -- faces --------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def face_locators(settings: Settings) -> tuple[tuple[str, Extractor], ...]:
    """Installed extractors that say where faces are and whose weights are here, by name."""
    context = RunContext(registry(), settings, "registration")
    found = []
    for registered in registry():
        plugin = registered.plugin
        if registered.kind == "extractor" and plugin.locates_faces and _is_ready(plugin, context):
            found.append((plugin.name, context.extractor(plugin.name)))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _is_ready(plugin: Any, context: RunContext) -> bool:
    options = plugin.options()
    try:
        for name in plugin.weights(options):
            context.weights(name)
    except UserError:
        return False
    beneath = used_extractors(plugin, options, context.registry).values()
    return all(_is_ready(registered.plugin, context) for registered, _ in beneath)


def _compared(extractor: Extractor, frames: Frames, reference: Video) -> dict[str, Any]:
    """The median face of a video against its reference's, over the same moments."""
    n = min(len(frames), reference.n_frames)
    at = np.unique(np.linspace(0, n - 1, _LOOKS).round().astype(int))
    try:
        mine, theirs = (
            face_places(extractor(MemoryVideo(np.ascontiguousarray(f[at]))))
            for f in (frames, reference.frames)
        )
    except ClipFailure as failure:
        return {"unknown": failure.reason}
    both = np.isfinite(mine).all(axis=1) & np.isfinite(theirs).all(axis=1)
    if not both.any():
        return {"unknown": "no frame with a face in both videos"}
    middle = np.median(mine[both, :2] - theirs[both, :2], axis=0) / frames.shape[1]
    scale = float(np.median(mine[both, 2] / theirs[both, 2]))
    return _rounded({"right": float(middle[0]), "down": float(middle[1]), "scale": scale})


def face_places(located: NDArray[Any]) -> NDArray[np.float64]:
    """[T, 3] x and y of the middle and the size of faces, of [T, 4 or 5] boxes or [T, K, 2] points."""
    located = np.asarray(located, np.float64)
    if located.ndim == 3:
        middle = located.mean(axis=1)
        size = np.sqrt(((located - middle[:, None]) ** 2).sum(axis=2).mean(axis=1))
    else:
        middle = located[:, :2] + located[:, 2:4] / 2
        size = np.sqrt(located[:, 2] * located[:, 3])
    return np.concatenate([middle, size[:, None]], axis=1)


def _rounded(found: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 3) + 0.0 if isinstance(v, float) else v for k, v in found.items()}


# -- pictures -----------------------------------------------------------------------------------


def side_by_side(identity: Frames, first: Frames) -> bytes:
    """PNG: the identity frame, the first picture, and one over the other (green and magenta)."""
    import cv2

    over = overlay(identity, first)
    strip = np.concatenate([identity, first, over], axis=1)
    done, data = cv2.imencode(".png", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()


def overlay(identity: Frames, first: Frames) -> Frames:
    """The identity frame in magenta and the other in green: grey where they agree."""
    grey = [f.mean(axis=2).astype(np.uint8) for f in (identity, first)]
    return np.stack([grey[0], grey[1], grey[0]], axis=2)
