"""The contract: every type and protocol a plugin sees.

Plugins import this module; generators that can be trained also import `thbench.training`. It needs
numpy, pluggy and `thbench.errors`, and importing it is cheap.

Conventions, everywhere: frames are RGB uint8 at 25 frames per second, audio is mono int16 at 16 kHz,
so one frame lasts exactly 640 samples (40 ms).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

import numpy as np
import pluggy
from numpy.typing import NDArray

from thbench.errors import ClipFailure, UserError, one_line
from thbench.files.atomic import atomic_file, temporary_folder
from thbench.files.foreign import reading, sha256_of
from thbench.geometry import (
    Crop,
    Placement,
    Square,
    placed,
    resized_square,
    whole,
    whole_square,
)
from thbench.progress import Progress, shown

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "FPS",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "Aggregation",
    "Better",
    "Clip",
    "ClipFailure",
    "Context",
    "Counts",
    "Crop",
    "DataReport",
    "Dataset",
    "Decode",
    "Died",
    "Engine",
    "Extractor",
    "Failure",
    "Fetchable",
    "Frames",
    "Generated",
    "Generator",
    "Given",
    "LeaveOneOut",
    "Media",
    "MediaInfo",
    "Metric",
    "Missing",
    "Notes",
    "Observation",
    "Observations",
    "Observed",
    "Pair",
    "PersistentWorkers",
    "Placement",
    "Plugin",
    "Progress",
    "PublishedValue",
    "Recording",
    "Remarks",
    "Request",
    "Score",
    "SelfChecking",
    "Source",
    "Square",
    "TrainedOn",
    "UserError",
    "Video",
    "Waveform",
    "WeightsFile",
    "atomic_file",
    "bf16_speed",
    "fast_bf16",
    "hookimpl",
    "mean_of_rows",
    "on_device",
    "picked_precision",
    "placed",
    "reading",
    "resized_square",
    "sha256_of",
    "shown",
    "temporary_folder",
    "whole",
    "whole_square",
]

Frames: TypeAlias = NDArray[np.uint8]
"""[T, H, W, 3] RGB, 0..255, 25 frames per second."""
Waveform: TypeAlias = NDArray[np.int16]
"""[samples] mono, 16 kHz: the canonical audio."""

Decode: TypeAlias = Literal["exact", "ffmpeg-default"]
"""How decoded colours become RGB: `exact` rounds and is the same on every processor; `ffmpeg-default`
are the pixels of `ffmpeg -pix_fmt rgb24` and of OpenCV, which truncate and are darker by about 1.5 of
255 levels."""
Given: TypeAlias = Literal["image", "recording"]
"""What a generator makes a video from, besides speech: one picture, or the recording that it edits."""

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS

hookimpl = pluggy.HookimplMarker("thbench")
"""Marks a function of a plugin as the implementation of a hook of thbench/plugins/hookspecs.py."""

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741  the options type


# -- what is measured on ------------------------------------------------------------------------


@dataclass(frozen=True)
class Missing:
    """Something that must be fetched or prepared first.

    `what` names it, `command` is what the person types to get it, `size` is the download in bytes
    where it is known. A generator does not know its name in the suite: the word `NAME` stands for it,
    as in `--set systems.NAME.KEY=VALUE`.
    """

    what: str
    command: str
    size: int | None = None


@dataclass(frozen=True)
class Clip:
    """One utterance of one actor. `id` is unique in the dataset, `labels` are free (emotion, level, ...)."""

    id: str
    actor: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Source:
    """What a dataset knows of one clip at one size.

    frames       [T, size, size, 3] uint8 RGB at 25 fps
    audio        [samples] int16 mono 16 kHz, aligned with the first frame
    annotations  per-frame ground truth by name; `landmarks` is [T, 68, 2] float32, x and y in
                 pixels of `frames` (pixel centres at integers), iBUG order
    origin       the file it was read from, if any: when that changes, the clip is read again
    frame        where `frames` lie in the picture of the recording, so that a video delivered at the
                 recording's framing is cut alike; None where they are the whole of it
    changes      what was done to the recording that a reader must know, in words that are equal for
                 equal changes; counted in the result of the ground truth and shown below tables
    """

    frames: Frames
    audio: Waveform
    annotations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    origin: Path | None = None
    frame: Square | None = None
    changes: Sequence[str] = ()


class Dataset(Protocol):
    """Clips and their ground truth.

    A dataset of people who are drawn, not filmed, also sets `synthetic = True`: leaderboards keep its
    tables apart from those of real faces. One that does not know whose its clips are, and calls each an
    actor of its own, sets `actors_unknown = True`: results, tables and intervals then say so.
    """

    version: str

    def missing(self) -> Sequence[Missing]:
        """What to fetch or prepare before `load` works, each with its command. Fast, without torch."""
        ...

    def clips(self) -> Sequence[Clip]:
        """Metadata only, sorted by id, the same on every machine."""
        ...

    def load(self, clip: Clip, size: int) -> Source:
        """Frames, audio and annotations of `clip` at `size` x `size` pixels.

        Raises ClipFailure with the reason where the clip's media cannot be used.
        """
        ...


@runtime_checkable
class Remarks(Protocol):
    """What a dataset may offer besides: what a person must know of it, said before a run."""

    def remarks(self) -> Sequence[str]:
        """Lines ("actors are unknown: ..."), none where all is well."""
        ...


# -- what is measured ---------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainedOn:
    """What a generator has seen: actors of one dataset, as its authors declare."""

    dataset: str
    actors: frozenset[str]


@dataclass(frozen=True, eq=False)
class Request:
    """One video to be made. It never holds the target.

    identity_frame  [size, size, 3] uint8 RGB
    audio           [samples] int16 mono 16 kHz, at least one sample
    n_frames        frames to deliver; fps is always 25
    seed            first 8 bytes of SHA-256 of (suite seed, clip id), as an unsigned integer
    oracle          target annotations the suite lets the system see (it is then marked and unranked);
                    empty unless the suite names some
    frame           where the identity frame lies in the picture of its recording; None where it is
                    the whole of it, or the dataset does not say
    """

    clip_id: str
    identity_frame: Frames
    audio: Waveform
    n_frames: int
    size: int
    seed: int
    fps: int = FPS
    oracle: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    frame: Square | None = None


@dataclass(frozen=True, eq=False)
class Generated:
    """The answer to one request: raw frames, or a finished file.

    frames   [n_frames, size, size, 3] uint8 RGB; stored losslessly with `audio`, by default the request's
    file     a video delivered as it is: it is scored on its own picture and its own sound, codec included
    trimmed  the video ends before the request does, on purpose, and is compared with the same
             span of the reference; without it a wrong frame count is a failure
    origin   the file that `frames` were read from, if any (`file` is its own origin): when that
             changes, the clip is asked for again
    changes    what was done to a delivered video before it is scored ("30 -> 25 fps"), or must be known
             of it; counted and shown with the row
    placement  which square of the file's picture `frames` are; recorded. A `file` that is not cut yet
             has none: thbench cuts it as `placed` decides
    """

    clip_id: str
    frames: Frames | None = None
    audio: Waveform | None = None
    file: Path | None = None
    trimmed: bool = False
    changes: Sequence[str] = ()
    origin: Path | None = None
    placement: Placement | None = None


@dataclass(frozen=True)
class Failure:
    """The request could not be met, and why.

    again  the cause lies in a file outside, which may come or change: the next command asks again
    """

    clip_id: str
    reason: str
    again: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", one_line(self.reason))


class Generator(Protocol):
    """One identity frame and speech in, a talking head out.

    One that runs something else may have `about`, a line for the result on how it ran, and
    `environment`, name -> version of what it ran on; both are recorded.
    """

    trained_on: TrainedOn | None
    """Training actors, None where unknown: shown as unknown."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        """Answer every request once, in any order. A clip's bytes must not depend on its neighbours.

        An out-of-memory error makes the harness halve the batch; any other exception makes it retry
        the unanswered requests one by one.
        """
        ...


@runtime_checkable
class SelfChecking(Protocol):
    """What a generator may offer besides: what the conformance suite cannot see from outside."""

    def check(self, requests: Sequence[Request]) -> Sequence[str]:
        """What is wrong, a line each; none where all is well. Run by `thbench check`."""
        ...


# -- how it is measured -------------------------------------------------------------------------


class Video(Protocol):
    """A video that decodes once, lazily, and is shared by all metrics."""

    @property
    def digest(self) -> str:
        """SHA-256 over decoded frames and canonical audio, never over the file. Known without decoding."""
        ...

    @property
    def n_frames(self) -> int: ...

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        ...

    @property
    def frames(self) -> Frames:
        """[n_frames, size, size, 3] uint8 RGB, read-only."""
        ...

    @property
    def audio(self) -> Waveform | None:
        """[samples] int16 mono 16 kHz, read-only; None where the file has no audio track."""
        ...

    @property
    def annotations(self) -> Mapping[str, NDArray[Any]]:
        """Ground truth of the dataset by name; empty for generated videos."""
        ...


@dataclass(frozen=True)
class Pair:
    """A generated video next to its reference, both over the same frames.

    `identity_index` is the reference's frame the generator was given, or None where the identity
    frame was drawn from elsewhere.
    """

    clip: Clip
    generated: Video
    reference: Video
    identity_index: int | None = 0


Better: TypeAlias = Literal["lower", "higher", "nearer-reference"]


@dataclass(frozen=True)
class Aggregation:
    """How a score follows from one row of every clip: it has an interval then, and anyone can recompute it.

    row        a name in `Observation.rows`
    statistic  over the clips
    absolute   of |row|
    at_most    of 1 where that is at most this and 0 elsewhere, so that the mean is a share
    """

    row: str
    statistic: Literal["mean", "median"] = "mean"
    absolute: bool = False
    at_most: float | None = None


@dataclass(frozen=True)
class Score:
    """What one number of a metric means.

    better      which direction is better; `nearer-reference` ranks by |value - ground truth|
    unit        in words, `frames of 40 ms` say; empty for a pure number
    range       smallest and largest possible value
    reacts_to   corruption -> sign of the change the definition promises: "+" grows, "-" falls,
                "=n" changes by n per step of the corruption (proved by `thbench selftest`)
    ignores     corruptions that must leave the value as it is
    set_level   the value belongs to a set of clips and has no per-clip rows to average (FID)
    formula     as it is computed, in plain text; symbols explained
    biases      what is known to move it that it is not meant to measure; with sources
    over        how it follows from a row; None stands for the mean of a row of its own name, if any
    """

    better: Better
    unit: str = ""
    range: tuple[float, float] = (float("-inf"), float("inf"))
    reacts_to: Mapping[str, str] = field(default_factory=dict)
    ignores: Sequence[str] = ()
    set_level: bool = False
    description: str = ""
    source: str = ""
    formula: str = ""
    biases: str = ""
    over: Aggregation | None = None


@dataclass(frozen=True, eq=False)
class Observation:
    """What a metric sees in one clip: `rows` are floats that appear in clips.csv, `arrays` stay in the cache.

    The report draws arrays of one dimension. One that does not run over time says over what: an
    array `distances.offset` holds the offset at which every entry of `distances` lies.
    """

    rows: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Observed:
    """An observation with its clip; `arrays` loads lazily."""

    clip: Clip
    rows: Mapping[str, float]
    arrays: Mapping[str, NDArray[Any]]


class Observations(Protocol):
    """What `reduce` is given; both sequences in clip-id order."""

    @property
    def generated(self) -> Sequence[Observed]:
        """Every clip of the system that could be observed."""
        ...

    @property
    def reference(self) -> Sequence[Observed]:
        """The same observation made of the references (reference against itself), for every clip of
        the split, also those the system failed on."""
        ...


class Metric(Protocol):
    """A measurement in two steps: per clip, then over clips."""

    scores: Mapping[str, Score]

    def observe(self, pair: Pair) -> Observation:
        """Pure function of the pair: cached and run in parallel.

        Raises ClipFailure where the clip cannot be scored ("too short: 12 frames, needs 30").
        """
        ...

    def reduce(self, observed: Observations) -> Mapping[str, float]:
        """One value per name in `scores`. Called once per system.

        Raises ClipFailure where the whole set has no value ("no clip was scored").
        """
        ...


@runtime_checkable
class Notes(Protocol):
    """What a metric may offer besides: what a person must know next to its values."""

    def notes(self, observed: Observations) -> Sequence[str]:
        """Short lines ("small n: 295 generated frames for 2048 features"), none where all is well."""
        ...


@runtime_checkable
class Counts(Protocol):
    """What a metric of sets may offer besides: how much entered its values. A count is no score."""

    def counts(self, observed: Observations) -> Mapping[str, int]:
        """Unit -> number on the generated side ({"frames": 52000}); shown beside every value."""
        ...


@runtime_checkable
class LeaveOneOut(Protocol):
    """What a metric of sets may offer besides `Metric`: values without each actor, for intervals.

    Only where that is cheaper than reducing anew for each actor, from sums per actor say.
    """

    def without_actors(self, observed: Observations) -> Mapping[str, Mapping[str, float]] | None:
        """Actor -> score -> value of all other actors' clips, on both sides; None: reduce anew."""
        ...


class Extractor(Protocol):
    """Features shared between metrics, cached by identity and video digest."""

    @property
    def identity(self) -> str:
        """Name, version, weights and preprocessing in one line; a change makes another column."""
        ...

    def __call__(self, video: Video) -> NDArray[Any]:
        """Features of one video, batched within it only. Raises ClipFailure."""
        ...


def mean_of_rows(observed: Sequence[Observed], name: str) -> float:
    """Mean over clips of one row, in float64. Raises ClipFailure where no clip has it."""
    values = [o.rows[name] for o in observed]
    if not values:
        raise ClipFailure("no clip was scored")
    return float(np.mean(np.asarray(values, dtype=np.float64)))


# -- what the harness lends ---------------------------------------------------------------------


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds, found without decoding all of it.

    width, height   as displayed: with square pixels and rotated as the file says
    fps             as the container states it, None where it does not
    n_frames        stored frames, counted from packets and not from the header
    frames_at_25    frames that `Media.frames` gives at 25 fps, by timestamps
    hdr             `PQ` or `HLG` where the picture is of high dynamic range: its values are taken as
                    they are, without tone mapping
    """

    video_codec: str
    width: int
    height: int
    fps: Fraction | None
    n_frames: int
    duration: float
    audio_codec: str | None
    sample_rate: int | None
    frames_at_25: int
    hdr: str = ""

    @property
    def hdr_note(self) -> str:
        """What is to be said of its pictures where they are of high dynamic range, else empty."""
        return f"high dynamic range ({self.hdr}) without tone mapping" if self.hdr else ""


@dataclass(frozen=True, eq=False)
class Recording:
    """A decoded file: frames [T, H, W, 3] at `fps`, canonical audio or None without a track."""

    frames: Frames
    audio: Waveform | None
    fps: float


class Media(Protocol):
    """Reads video files; converts frame and sample rate by timestamps. Raises ClipFailure for bad files.

    It can be pickled, so that a plugin may hand it to worker processes.
    """

    def probe(self, path: Path) -> MediaInfo: ...

    def frames(self, path: Path, fps: float | None = FPS) -> Iterator[Frames]:
        """[H, W, 3] frames one by one at constant `fps` (None: as stored), so that memory stays flat."""
        ...

    def audio(self, path: Path) -> Waveform | None:
        """Canonical audio aligned with the first video frame, None without an audio track."""
        ...

    def read(self, path: Path, fps: float | None = FPS) -> Recording: ...

    def gather(self, frames: Iterable[Frames]) -> Frames:
        """[T, H, W, 3] of frames [H, W, 3] given one by one; those of a long clip lie in a file that
        is mapped into memory. Raises ClipFailure where there is none."""
        ...

    def write_lossless(self, path: Path, frames: Frames, audio: Waveform | None) -> None:
        """Frames and sound such that `read(path, fps=None)` gives back the same arrays; whole or not at all.

        Raises UserError where the disk is full or the folder cannot be written.
        """
        ...


class Context(Protocol):
    """What the harness lends to a plugin when it builds it."""

    @property
    def device(self) -> str:
        """`cpu`, `cuda:0`, ..."""
        ...

    @property
    def threads(self) -> int: ...

    @property
    def batch(self) -> int:
        """At most so many requests are passed to `generate` at once; the fixed batch shape of networks."""
        ...

    @property
    def offline(self) -> bool: ...

    @property
    def media(self) -> Media: ...

    @property
    def cache(self) -> Path:
        """A folder of this plugin's own that outlives runs."""
        ...

    def source(self, *modules: str) -> str:
        """SHA-256 over the code of these modules and of all they import; for keys of `cache`.

        Comments and docstrings do not count. Modules are named as in `import`: `"mine.detector"`.
        """
        ...

    def same_bytes(self, way: str, module: str, check: Callable[[], bool | None]) -> bool:
        """Whether a faster way gives the plain one's bytes on this machine: only then may it be taken.

        way     in words, different for everything that chooses other instructions: shapes, say
        module  the code it runs through, as in `import`: another code is asked again
        check   computes something both ways and compares; called once per kind of processor and
                versions of libraries. None says that there is nothing to compare by yet: the answer is
                False for now, and the next call asks again. `thbench doctor` lists ways that are not equal.
        """
        ...

    def weights(self, name: str) -> Path:
        """The verified file of registered weights. Raises UserError with the command that gets it."""
        ...

    def extractor(self, name: str, **options: object) -> Extractor:
        """An installed extractor by name, its results cached."""
        ...


# -- how a plugin is declared -------------------------------------------------------------------


@dataclass(frozen=True)
class WeightsFile:
    """Published weights: where they are, what they must hash to, and under which licence.

    urls are http addresses, tried in order; `package:NAME/path` is the file of an installed Python package.
    sha256 is None only where none is published: the first import then records it. `commercial` is
    False where the licence or its absence forbids commercial use; results list such weights.
    `recognise` tells the right file from others by what it says of a published sample: called with
    the file, the sample and a context, it returns one line or raises UserError.
    """

    name: str
    file: str
    urls: Sequence[str]
    sha256: str | None
    size: int
    licence: str
    commercial: bool
    about: str = ""
    recognise: Callable[[Path, Path, Context], str] | None = None


@dataclass(frozen=True)
class PublishedValue:
    """Numbers that others printed and that official weights, read by this code, must give again.

    weights    names of the registered weights it needs
    samples    files (by name, below one folder) it needs -> where they are had
    printed    number by name, as printed; `tolerance` says how far off it may be (0 where absent)
    measure    (weights file by name, folder of samples, context) -> numbers; raises ClipFailure or UserError
    """

    name: str
    source: str
    weights: Sequence[str]
    printed: Mapping[str, float]
    tolerance: Mapping[str, float]
    measure: Callable[[Mapping[str, Path], Path, Context], Mapping[str, float]]
    samples: Mapping[str, str] = field(default_factory=dict)


@cache
def bf16_speed() -> float:
    """Speed of bfloat16 on this processor, float32's being 1: measured once per process, in a matrix product.

    Processors without the instructions emulate it, several times slower. It says nothing about GPUs.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a busy machine lets threads wait for each other: 60 times was seen
    try:
        xs = [torch.ones(512, 512, dtype=kind) for kind in (torch.float32, torch.bfloat16)]
        # the first of ten prepares what later ones use; the least is that without other programs
        rounds = [[_seconds(x) for x in xs] for _ in range(10)]
    finally:
        torch.set_num_threads(threads)
    usual, short = (min(seconds) for seconds in zip(*rounds, strict=True))
    return float(usual / max(short, 1e-9))


def _seconds(x: Any) -> float:
    start = time.perf_counter()
    x @ x
    return time.perf_counter() - start


def fast_bf16() -> bool:
    """Whether bfloat16 is faster than float32 on this processor, by measurement."""
    return bf16_speed() > 1


def picked_precision(asked: str) -> str:
    """The option `precision` of a network: `auto` becomes `bf16` where that is faster here, else `fp32`.

    For the `__post_init__` of options, so that identities and results hold what was picked and never `auto`.
    """
    return asked if asked != "auto" else "bf16" if fast_bf16() else "fp32"


def on_device(values: NDArray[Any] | Tensor, device: str) -> Tensor:
    """A copy of an array, or a tensor in memory itself, as a tensor on `device` ("cpu", "cuda:0", ...).

    To CUDA it goes from pinned memory, and nobody waits for it: the next batch is prepared meanwhile.
    """
    import torch

    here = values if isinstance(values, torch.Tensor) else torch.tensor(values)
    if device.startswith("cuda"):
        return here.pin_memory().to(device, non_blocking=True)
    return here.to(device)


def _nothing_missing(_: Any) -> Sequence[Missing]:
    return ()


def _no_names(_: Any) -> Sequence[str]:
    return ()


def _no_files(_: Any) -> Sequence[Path]:
    return ()


def _no_lines(_: Any, __: Sequence[str]) -> Sequence[str]:
    return ()


def _mapped(asked: Any) -> Mapping[str, Mapping[str, object]]:
    """The form of `Plugin(extractors=...)`. Raises TypeError in words for another one."""
    good = isinstance(asked, Mapping) and all(isinstance(v, Mapping) for v in asked.values())
    if not good:
        raise TypeError(
            f"Plugin(extractors=...) gave a {type(asked).__name__}: a mapping from each extractor's name to "
            'the options it is asked with is needed, {"landmarks68": {}} say'
        )
    return {str(name): dict(options) for name, options in asked.items()}


def _nobody(_: str) -> str | None:
    return None


def _no_extractors(_: Any) -> Mapping[str, Mapping[str, object]]:
    return {}


Died: TypeAlias = Callable[[Any, str], Any]
"""(task, reason) -> what stands for the result of a task whose process died twice."""


@runtime_checkable
class Engine(Protocol):
    """Where work runs. Results must not depend on it: order, number of workers and retries change nothing.

    A plugin's options have a field `workers`, and a field `address` where `--address` means something.
    """

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        ...

    def map(
        self, work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None = None
    ) -> Iterator[tuple[int, Any]]:
        """Call `work` on every task; yield (index of the task, result) as they finish, each once.

        `work` and tasks are pickled; `work` may be called again for a task whose process died. A task
        that kills its process a second time yields `died(task, reason)`, called in this process;
        without `died` it raises UserError. What `work` raises is raised here. Only a few tasks are
        under way at a time, so that memory stays flat.
        """
        ...


@runtime_checkable
class PersistentWorkers(Protocol):
    """What an engine may offer besides `Engine`: workers, here or elsewhere, that stay for the length of a run."""

    def serve(
        self, shared: Sequence[Path], environment: Mapping[str, str]
    ) -> AbstractContextManager[None]:
        """Until the block ends, workers live on between calls of `map` with what they have loaded.

        They are given `environment`. A block within a block changes nothing. Raises UserError, here or
        in `map`, where a worker does not see the folders `shared`.
        """
        ...


@dataclass(frozen=True)
class Plugin(Generic[T, O]):
    """One named dataset, generator, metric, extractor or engine.

    name        what suites call it: lower-case letters, digits, `_`, `-`
    options     a frozen dataclass (or pydantic model); `Annotated[int, "help text"]` documents a field.
                Unknown keys and wrong types are refused with the YAML line. A field typed Path says
                where something lies, not what it is, and does not enter any identity.
    build       makes the thing; heavy imports belong in here
    version     of the definition: a change that moves numbers raises it
    missing     what `build` will need beyond registered weights, each with its command; fast
    weights     names of the registered weights that these options use
    shipped     files that come with the plugin and that its numbers hang on, weights say: their SHA-256
                is part of the identity
    extractors  a function of the options that gives the extractors they use: name -> the options these are
                asked with, exactly as `context.extractor(name, **options)` is called; their weights
                follow from that. A list is refused
    variants    named option sets of a metric: `ofm@diffused-heads`
    argument    the option that `name:value` fills: `torchmetrics:ClassName`
    unused_files  lines on the files of a generator's folder that answer none of the dataset's clips, given
                by their ids, with what would make them do so; said before a run; fast
    locates_faces   an extractor's result says where the face is, in pixels: [T, 5] boxes (x, y, width,
                height, score) or [T, K, 2] points. Where its weights are installed, the registration
                check of delivered videos uses it
    person      a dataset's actor of a clip or person as published lists name them (`WDA_BarackObama1_000`), None for
                names of other datasets; `?NAME` is a recording that says no person
    people      a dataset's: `recorded` for it alone (in no other dataset), `public` (filmed elsewhere too),
                `drawn` (nobody), or `unknown`
    trainer     makes what `thbench train` trains, a thbench.training.contract.Trainer, of options,
                context and size in pixels; the options then have a field `training: TrainingOptions` (thbench.training.options)
    """

    name: str
    options: type[O]
    build: Callable[[O, Context], T]
    version: str = "1"
    summary: str = ""
    missing: Callable[[O], Sequence[Missing]] = _nothing_missing
    weights: Callable[[O], Sequence[str]] = _no_names
    shipped: Callable[[O], Sequence[Path]] = _no_files
    extractors: Callable[[O], Mapping[str, Mapping[str, object]]] = _no_extractors
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    argument: str | None = None
    unused_files: Callable[[O, Sequence[str]], Sequence[str]] = _no_lines
    locates_faces: bool = False
    person: Callable[[str], str | None] = _nobody
    people: Literal["recorded", "public", "drawn", "unknown"] = "unknown"
    trainer: Callable[[O, Context, int], Any] | None = None

    def __post_init__(self) -> None:
        """Raises TypeError where `extractors` is no function."""
        if not callable(self.extractors):
            raise TypeError(
                f"plugin {self.name}: extractors is a {type(self.extractors).__name__}, a function of the options is "
                'needed: extractors=lambda options: {"landmarks68": {}}'
            )

    def used_extractors(self, options: O) -> Mapping[str, Mapping[str, object]]:
        """Name -> options of the extractors it uses. Raises UserError where it says so in another form."""
        try:
            return _mapped(self.extractors(options))
        except TypeError as error:
            raise UserError(
                f"plugin {self.name}: {error}", "docs/plugins.md shows the form"
            ) from None


# -- data on disk -------------------------------------------------------------------------------


@dataclass(frozen=True)
class DataReport:
    """What a data command did: `lines` in words, `problems` that a person must fix, each with its remedy."""

    lines: Sequence[str]
    problems: Sequence[str] = ()


@runtime_checkable
class Fetchable(Protocol):
    """What a dataset may offer besides `Dataset`: its media are fetched and prepared by `thbench data`.

    Every command takes the clips it is about, can be repeated, and continues where it was stopped.
    """

    @property
    def weights(self) -> Sequence[str]:
        """Names of the weights that `prepare` uses; they are fetched with the media."""
        ...

    def missing_of(self, clips: Sequence[Clip], select: str) -> Sequence[Missing]:
        """As `missing`, for these clips only; `select` are the words that choose them in a data command."""
        ...

    def fetch(self, clips: Sequence[Clip], mirror: str | None, connections: int) -> DataReport:
        """Download what is not here, every file checked; from `mirror` instead of the public addresses."""
        ...

    def verify(self, clips: Sequence[Clip]) -> DataReport:
        """Read every file and say what is missing, damaged or another file than published."""
        ...

    def prepare(self, clips: Sequence[Clip], engine: Engine) -> DataReport:
        """Make what `load` reads."""
        ...

    def show(self, clip: Clip, out: Path) -> None:
        """Write a picture of the prepared clip, annotations drawn in. Raises ClipFailure."""
        ...


# Old names, kept for one release.
LeavesOut, Account, Over, Remote = LeaveOneOut, DataReport, Aggregation, PersistentWorkers
