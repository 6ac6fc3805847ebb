"""What every generator must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from thbench.api import FPS, ClipFailure, Failure, Generated, Request, SelfChecking, TrainedOn
from thbench.testing.checks import Checks, disturb_global_randomness, fail, require
from thbench.testing.digests import answer
from thbench.testing.material import request
from thbench.video import MediaReader

EXTREME_SEEDS = (0, 2**64 - 1)
LONG = 3
"""The long request has so many times the usual frames."""


class GeneratorChecks(Checks):
    """The contract of api.Generator."""

    work = "answers"
    gates = (*Checks.gates, "check_answers")

    @cached_property
    def _requests(self) -> list[Request]:
        return self.material.requests()

    @cached_property
    def _together(self) -> dict[str, str]:
        disturb_global_randomness(1)
        return self._ask(self._requests)

    def material_for_worker(self) -> list[Request]:
        return self._requests[:1]

    def expected_of_worker(self) -> dict[str, str]:
        first = self._requests[0].clip_id
        return {first: self._together[first]}

    def check_training(self) -> None:
        """it says what it was trained on, or None"""
        trained = getattr(self.built, "trained_on", "absent")
        require(trained is None or isinstance(trained, TrainedOn), f"trained_on is {trained!r}")

    def check_answers(self) -> None:
        """every request is answered once, with the frames, size and type asked for"""
        failures = [f"{c}: {d}" for c, d in self._together.items() if d.startswith("failure:")]
        require(not failures, f"it failed on plain requests: {'; '.join(failures)}")

    def check_itself(self) -> None:
        """what it checks of itself holds"""
        if isinstance(self.built, SelfChecking):
            require(not (wrong := self.built.check(self._requests)), "; ".join(wrong))

    def check_repeatable(self) -> None:
        """the same request gives the same bytes, also from a fresh instance"""
        disturb_global_randomness(2)
        self._same(self._ask(self._requests), "asked again, it gives other bytes")
        disturb_global_randomness(3)
        fresh = self._ask(self._requests, self.subject.build())
        self._same(fresh, "a fresh instance gives other bytes")

    def check_order(self) -> None:
        """neither order nor neighbours change a clip's bytes"""
        disturb_global_randomness(4)
        self._same(self._ask(self._requests[::-1]), "in reverse order it gives other bytes")
        alone: dict[str, str] = {}
        for one in self._requests:
            disturb_global_randomness(5)
            alone.update(self._ask([one]))
        self._same(alone, "asked one by one it gives other bytes than asked together")

    def check_names(self) -> None:
        """bytes depend on the request, not on the clip's name"""
        first = self._requests[0]
        renamed = self._ask([replace(first, clip_id="opaque-0")])["opaque-0"]
        require(renamed == self._together[first.clip_id], "another clip id gives other bytes")

    def check_inputs(self) -> None:
        """the request's arrays are left as they were"""
        given = self.material.requests()[0]
        frame, audio = given.identity_frame.copy(), given.audio.copy()
        self._ask([given])
        same = np.array_equal(frame, given.identity_frame) and np.array_equal(audio, given.audio)
        require(same, "it writes into the identity frame or the audio of the request")

    def check_seeds(self) -> None:
        """every 64-bit seed is taken, and the same seed gives the same bytes"""
        for seed in EXTREME_SEEDS:
            one = [replace(self._requests[0], seed=seed)]
            require(self._ask(one) == self._ask(one), f"seed {seed} gives other bytes each time")

    def check_lengths(self) -> None:
        """one frame, many frames, and audio shorter or longer than the video: answered or refused"""
        (clip, source), n = self.material.sources[0], self.material.request_frames
        for length in (1, 2, n * LONG):
            self._ask([request(f"{clip.id}-{length}", source, length)])
        plain = request(clip.id, source, n)
        self._ask([replace(plain, audio=plain.audio[:1])])
        self._ask([replace(plain, audio=np.tile(plain.audio, 2))])

    def check_content(self) -> None:
        """silence and a black identity frame: answered or refused"""
        plain = self._requests[0]
        self._ask([replace(plain, audio=np.zeros_like(plain.audio))])
        self._ask([replace(plain, identity_frame=np.zeros_like(plain.identity_frame))])

    def check_sizes(self) -> None:
        """another size is delivered or refused"""
        plain = self._requests[-1]
        for size in (plain.size // 2, plain.size * 2):
            frame = np.resize(plain.identity_frame, (size, size, 3))
            self._ask([replace(plain, identity_frame=frame, size=size)])

    def _same(self, found: Mapping[str, str], complaint: str) -> None:
        differ = [clip for clip in self._together if found.get(clip) != self._together[clip]]
        require(not differ, f"{complaint} (clips {', '.join(differ)})")

    def _ask(self, requests: Sequence[Request], generator: Any = None) -> dict[str, str]:
        """Digest of every answer, each checked against its request."""
        wanted = {r.clip_id: r for r in requests}
        found: dict[str, str] = {}
        for given in (generator or self.built).generate(list(requests)):
            clip_id = getattr(given, "clip_id", None)
            if clip_id not in wanted:
                fail(f"it answered {clip_id!r}, asked for {', '.join(wanted)}")
            require(clip_id not in found, f"it answered {clip_id} twice")
            require_answer(given, wanted[clip_id])
            found[clip_id] = answer(given)
        require(
            len(found) == len(wanted), f"no answer to {', '.join(wanted.keys() - found.keys())}"
        )
        return found


def require_answer(given: Any, wanted: Request) -> None:
    """A Failure with a reason, or Generated that fits its request."""
    if isinstance(given, Failure):
        require(bool(given.reason.strip()), "a Failure without a reason")
        return
    if not isinstance(given, Generated):
        fail(f"it gave a {type(given).__name__}, neither Generated nor Failure")
    require((given.frames is None) != (given.file is None), "it gave neither frames nor a file")
    if given.file is not None:
        _require_file(given, wanted)
    else:
        _require_frames(given.frames, wanted, given.trimmed)
    audio = given.audio
    good = audio is None or (audio.dtype == np.int16 and audio.ndim == 1)
    require(good, "its audio is not mono int16")


def _require_file(given: Generated, wanted: Request) -> None:
    assert given.file is not None
    try:
        info = MediaReader().probe(given.file)
        rate_fits = info.fps is None or abs(float(info.fps) - FPS) < 0.01
        require(rate_fits, f"the file runs at {info.fps} frames per second, {FPS} needed")
        _require_frames(MediaReader().read(given.file).frames, wanted, given.trimmed)
    except ClipFailure as failure:
        fail(f"its file cannot be read: {failure.reason}")


def _require_frames(frames: Any, wanted: Request, trimmed: bool) -> None:
    shape, size = getattr(frames, "shape", None), wanted.size
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
        fail(f"frames are {getattr(frames, 'dtype', type(frames).__name__)}, uint8 needed")
    if frames.ndim != 4 or frames.shape[1:] != (size, size, 3):
        fail(f"frames are {shape}, [{wanted.n_frames}, {size}, {size}, 3] needed")
    n = len(frames)
    fits = n == wanted.n_frames or (trimmed and 1 <= n < wanted.n_frames)
    require(fits, f"{n} frames, {wanted.n_frames} needed")
