"""Requests -> videos + journal. Resumes at clip granularity; a generator never sees the target.

Three steps for every resolution of the suite: references are stored once, controls are derived
from them, systems answer requests made from them.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from thbench import controls, video
from thbench.api import (
    FPS,
    Clip,
    ClipFailure,
    Engine,
    Failure,
    Frames,
    Generated,
    Request,
    Source,
    UserError,
)
from thbench.cache import atomic_file, atomic_write
from thbench.context import plugin_identity
from thbench.environment import is_out_of_memory, peak_memory_bytes
from thbench.journal import Journal
from thbench.plugins import registry
from thbench.progress import Progress
from thbench.runfolder import Record, VideoFolder, origin_of, reference_mark
from thbench.split import Split
from thbench.suite import IdentityFrame, System
from thbench.video import StoredVideo
from thbench.work import Job, batch_limit, clips_of, dataset_of, generator_of, suite_of, system_of

Arrange = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class Order:
    """In which order work is done; results do not depend on it, and a test reverses it to prove that."""

    arrange: Arrange = list


def request_seed(suite_seed: int, clip_id: str) -> int:
    """First 8 bytes of SHA-256 of (suite seed, clip id), big endian."""
    text = f"{suite_seed}/{clip_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def identity_index(rule: IdentityFrame, n_frames: int, seed: int) -> int:
    """The reference's frame the generator is given. Raises ClipFailure where the clip is too short."""
    if rule == "first":
        return 0
    if rule == "random":
        return random.Random(seed).randrange(n_frames)  # noqa: S311
    index = int(rule)
    if not -n_frames <= index < n_frames:
        raise ClipFailure(f"identity frame {index} of a clip of {n_frames} frames")
    return index % n_frames


# -- the whole stage ----------------------------------------------------------------------------


def generate(
    job: Job,
    split: Split,
    engine: Engine,
    order: Order | None = None,
    retry_failed: bool = False,
) -> None:
    """Make every video of the run that is not there yet."""
    order = order or Order()
    suite = suite_of(job)
    for size in suite.resolutions:
        make_references(job, split, size, engine, order)
        for name in suite.controls:
            if name != controls.HALVES:
                make_control(job, split, size, name, engine, order)
    for system in suite.systems:
        make_system(job, split, system, engine, order, retry_failed)


def make_references(job: Job, split: Split, size: int, engine: Engine, order: Order) -> None:
    folder = job.run.references(size)
    done = folder.finished()
    todo = order.arrange([(size, c.id) for c in split.clips if c.id not in done])
    _run(job, folder.journal, partial(store_reference, job), todo, engine, f"references {size} px")


def make_control(
    job: Job, split: Split, size: int, name: str, engine: Engine, order: Order
) -> None:
    references = job.run.references(size).finished()
    folder = job.run.control(size, name)
    partner = controls.partners(split.clips)
    todo = [
        (size, name, references[c], references.get(partner.get(c, "")))
        for c in _answerable(folder, folder.finished(references), references, split, order)
    ]
    _run(job, folder.journal, partial(store_control, job), todo, engine, f"{name} {size} px")


def make_system(
    job: Job, split: Split, system: System, engine: Engine, order: Order, retry_failed: bool = False
) -> None:
    """Ask the system for every clip it has not answered; `retry_failed` asks again where it failed."""
    folder = job.run.system(system.name)
    _claim(job, system)
    references = job.run.references(system.resolution).finished()
    done = folder.finished(references)
    if retry_failed:
        done = {clip: r for clip, r in done.items() if "failure" not in r}
    ready = [references[c] for c in _answerable(folder, done, references, split, order)]
    n = job.settings.batch
    batches = [(system.name, tuple(ready[i : i + n])) for i in range(0, len(ready), n)]
    work = partial(answer_batch, job)
    _run(job, folder.journal, work, batches, engine, f"generate {system.name}", len(ready))


def _claim(job: Job, system: System) -> None:
    """Videos made by another generator, other options or other code are never taken for this system's."""
    if system.part is None:
        return
    registered, options = system.part.registered, system.part.options
    described = {
        "system": plugin_identity(registered, options, registry()),
        "resolution": system.resolution,
        "oracle": list(system.oracle),
        "source": registered.source_digest,
        "numerics": job.settings.numerics(),
    }
    remedy = f"--regenerate {system.name} makes its videos anew; --out FOLDER keeps both"
    job.run.claim(f"systems/{system.name}/system.json", described, remedy)


def _answerable(
    folder: VideoFolder,
    done: Mapping[str, Record],
    references: Mapping[str, Record],
    split: Split,
    order: Order,
) -> list[str]:
    """Clips still to be made; those without a reference are recorded as failures at once."""
    todo = order.arrange([c.id for c in split.clips if c.id not in done])
    for clip in todo:
        if reason := references[clip].get("failure"):
            record = {"clip": clip, "failure": f"no reference: {reason}"}
            folder.journal.append({**record, "reference": reference_mark(references[clip])})
    return [c for c in todo if "failure" not in references[c]]


def _run(
    job: Job,
    journal: Journal,
    work: Callable[[Any], tuple[list[Record], Record]],
    tasks: list[Any],
    engine: Engine,
    label: str,
    total: int | None = None,
) -> None:
    """Let the engine work; this process alone writes the journal, one line as each clip is finished."""
    timings = Journal(job.run.root / "timings.jsonl", key="stage")
    with Progress(label, len(tasks) if total is None else total) as progress:
        for _, (records, timing) in engine.map(work, tasks):
            for record in records:
                journal.append(record)
            timings.append({"stage": label, **timing})
            progress.advance(len(records))


# -- references and controls --------------------------------------------------------------------


def store_reference(job: Job, task: tuple[int, str]) -> tuple[list[Record], Record]:
    """Load one clip of the dataset and store it losslessly."""
    size, clip_id = task
    start = time.perf_counter()
    folder = job.run.references(size)
    try:
        source = _load(job, clips_of(job)[clip_id], size)
        record = _store_source(folder, clip_id, source)
    except ClipFailure as failure:
        record = {"clip": clip_id, "failure": failure.reason}
    return [record], _timing([clip_id], start)


def _load(job: Job, clip: Clip, size: int) -> Source:
    """A source the rest of thbench can rely on, or ClipFailure."""
    try:
        source = dataset_of(job).load(clip, size)
    except (ClipFailure, UserError):
        raise
    except Exception as error:
        raise ClipFailure(f"the dataset raised {type(error).__name__}: {error}") from error
    if reason := _wrong_frames(source.frames, size):
        raise ClipFailure(f"the dataset gave {reason}")
    if source.audio.dtype != np.int16 or source.audio.ndim != 1 or not len(source.audio):
        raise ClipFailure("the dataset gave no mono 16-bit sound")
    return source


def _wrong_frames(frames: Any, size: int) -> str | None:
    if not isinstance(frames, np.ndarray) or frames.ndim != 4 or frames.shape[3] != 3:
        return f"frames of shape {getattr(frames, 'shape', type(frames).__name__)}, [T, {size}, {size}, 3] needed"
    if frames.dtype != np.uint8:
        return f"{frames.dtype} frames, uint8 needed"
    if frames.shape[1:3] != (size, size):
        return f"{frames.shape[2]} x {frames.shape[1]} px frames, {size} x {size} needed"
    return None if len(frames) else "no frame"


def _store_source(folder: VideoFolder, clip_id: str, source: Source) -> Record:
    picture = folder.file(clip_id, ".mkv")
    video.write_lossless(picture, source.frames, source.audio)
    files = [picture]
    if source.annotations:
        annotations = folder.file(clip_id, ".npz")
        with atomic_file(annotations) as file:
            np.savez(file, allow_pickle=False, **source.annotations)
        files.append(annotations)
    record = _record(folder, clip_id, picture, source.frames, source.audio, files)
    record["annotations"] = folder.relative(files[1]) if source.annotations else None
    record["annotations_digest"] = video.annotations_digest(source.annotations)
    record["origin"] = origin_of(source.origin)
    return record


def _record(
    folder: VideoFolder, clip_id: str, picture: Any, frames: Frames, audio: Any, files: list[Any]
) -> Record:
    frames_digest, audio_digest = video.frames_digest(frames), video.audio_digest(audio)
    return {
        "clip": clip_id,
        "digest": video.video_digest(frames_digest, audio_digest),
        "frames_digest": frames_digest,
        "audio_digest": audio_digest,
        "n_frames": len(frames),
        "size": int(frames.shape[1]),
        "picture": folder.relative(picture),
        "sound": None,
        "files": {folder.relative(f): f.stat().st_size for f in files},
    }


def store_control(
    job: Job, task: tuple[int, str, Record, Record | None]
) -> tuple[list[Record], Record]:
    """Derive one control video; what it shares with the reference is not stored again."""
    size, name, reference, partner = task
    start = time.perf_counter()
    try:
        variation = _vary(job, name, reference, size, partner)
        record = _store_variation(job.run.control(size, name), reference, variation)
    except ClipFailure as failure:
        record = {"clip": reference["clip"], "failure": failure.reason}
    record["reference"] = reference_mark(reference)
    return [record], _timing([reference["clip"]], start)


def _vary(
    job: Job, name: str, record: Record, size: int, partner: Record | None
) -> controls.Variation:
    references = job.run.references(size)
    reference = references.open(record)
    if name == controls.H264:
        return controls.Variation(through_h264=True)
    if name == controls.STILL:
        suite = suite_of(job)
        seed = request_seed(suite.seed, record["clip"])
        index = identity_index(suite.identity_frame, reference.n_frames, seed)
        return controls.still(reference.frames[index], reference.n_frames)
    assert reference.audio is not None  # references always have sound
    if name == controls.DELAYED:
        return controls.delayed(reference.audio)
    if name == controls.MISMATCHED:
        usable = partner is not None and "failure" not in partner
        other = references.open(partner).audio if usable and partner else None
        return controls.mismatched(reference.audio, other)
    return controls.Variation()


def _store_variation(
    folder: VideoFolder, reference: Record, variation: controls.Variation
) -> Record:
    """A record that points at the reference's files for everything the control leaves alone."""
    clip_id = reference["clip"]
    left_out = ("annotations", "annotations_digest", "origin")
    record = {k: v for k, v in reference.items() if k not in left_out}
    record["files"] = dict(reference["files"])
    if variation.through_h264:
        source = folder.open(reference)
        picture = folder.file(clip_id, ".mp4")
        video.write_h264(picture, source.frames, None, crf=controls.H264_CRF)
        frames = video.MediaReader().read(picture).frames
        return _changed_picture(folder, record, picture, frames)
    if variation.frames is not None:
        picture = folder.file(clip_id, ".mkv")
        video.write_lossless(picture, variation.frames, None)
        return _changed_picture(folder, record, picture, variation.frames)
    if variation.audio is not None:
        sound = folder.file(clip_id, ".wav")
        video.write_wav(sound, variation.audio)
        record["sound"] = folder.relative(sound)
        record["audio_digest"] = video.audio_digest(variation.audio)
        record["files"][folder.relative(sound)] = sound.stat().st_size
    record["digest"] = video.video_digest(record["frames_digest"], record["audio_digest"])
    return record


def _changed_picture(folder: VideoFolder, record: Record, picture: Any, frames: Frames) -> Record:
    record["sound"] = record["picture"]
    record["picture"] = folder.relative(picture)
    record["frames_digest"] = video.frames_digest(frames)
    record["digest"] = video.video_digest(record["frames_digest"], record["audio_digest"])
    record["files"][folder.relative(picture)] = picture.stat().st_size
    return record


# -- systems ------------------------------------------------------------------------------------


def answer_batch(job: Job, task: tuple[str, tuple[Record, ...]]) -> tuple[list[Record], Record]:
    """Have one system answer up to `batch` clips; every clip ends as a record, stored or failed."""
    name, references = task
    start = time.perf_counter()
    system = system_of(job, name)
    records: dict[str, Record] = {}
    requests, events = [], list[str]()
    for reference in references:
        try:
            requests.append(make_request(job, system, reference))
        except ClipFailure as failure:
            records[reference["clip"]] = {"clip": reference["clip"], "failure": failure.reason}
    for record in _answers(job, system, requests, events):
        records[record["clip"]] = record
    made = [{**records[r["clip"]], "reference": reference_mark(r)} for r in references]
    timing = _timing([r["clip"] for r in references], start)
    return made, {**timing, "events": events} if events else timing


def make_request(job: Job, system: System, record: Record) -> Request:
    """The request for one clip: identity frame and speech of its reference, never the target.

    Raises ClipFailure where the reference is too short or lacks what the oracle is to see.
    """
    suite = suite_of(job)
    clip_id = record["clip"]
    reference = job.run.references(system.resolution).open(record)
    seed = request_seed(suite.seed, clip_id)
    index = identity_index(suite.identity_frame, reference.n_frames, seed)
    if reference.audio is None or not len(reference.audio):
        raise ClipFailure("the reference has no sound")
    return Request(
        clip_id=clip_id,
        identity_frame=reference.frames[index].copy(),
        audio=reference.audio.copy(),
        n_frames=reference.n_frames,
        size=system.resolution,
        seed=seed,
        oracle={name: _annotation(reference, name) for name in system.oracle},
    )


def _annotation(reference: StoredVideo, name: str) -> Any:
    if name not in reference.annotations:
        known = ", ".join(sorted(reference.annotations)) or "none"
        raise ClipFailure(f"the dataset has no annotation '{name}' for the oracle (has: {known})")
    return reference.annotations[name].copy()


def _answers(
    job: Job, system: System, requests: Sequence[Request], events: list[str]
) -> Iterator[Record]:
    """Ask in batches; out of memory halves them for good, any other exception leaves one by one."""
    waiting = {r.clip_id: r for r in requests}
    limit = batch_limit(job, system.name)
    batch = limit[0]
    while waiting:
        asked = dict(list(waiting.items())[:batch])
        failed: Exception | None = None
        try:
            for record in _adopt(job, system, asked):
                del waiting[record["clip"]]
                yield record
        except UserError:
            raise
        except Exception as error:
            failed = error
        if failed is not None and len(asked) > 1:
            if is_out_of_memory(failed):
                limit[0] = batch = len(asked) // 2
            else:
                batch = 1
            events.append(f"batch of {len(asked)} raised {_named(failed)}; next batch {batch}")
            continue
        reason = (
            f"the generator raised {_named(failed)}" if failed else "the generator gave no answer"
        )
        for clip_id in asked.keys() & waiting.keys():
            del waiting[clip_id]
            yield {"clip": clip_id, "failure": reason}


def _named(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _adopt(job: Job, system: System, asked: Mapping[str, Request]) -> Iterator[Record]:
    """Take answers as they come; each request is answered once, by its own clip id."""
    answered: set[str] = set()
    folder = job.run.system(system.name)
    generator = generator_of(job, system.name)
    folder.declare_training(generator.trained_on)
    for answer in generator.generate(list(asked.values())):
        clip_id = str(getattr(answer, "clip_id", None))
        if clip_id not in asked:
            raise RuntimeError(f"it answered a clip it was not asked for: {clip_id!r}")
        if clip_id in answered:
            raise RuntimeError(f"it answered clip {clip_id} twice")
        answered.add(clip_id)
        yield _store_answer(folder, asked[clip_id], answer)


def _store_answer(folder: VideoFolder, request: Request, answer: Any) -> Record:
    if isinstance(answer, Failure):
        return {"clip": request.clip_id, "failure": " ".join(str(answer.reason).split())}
    try:
        if not isinstance(answer, Generated) or (answer.frames is None) == (answer.file is None):
            raise ClipFailure("the generator gave neither frames nor a file, or both")
        store = _store_frames if answer.file is None else _store_file
        record = store(folder, request, answer)
        record["origin"] = origin_of(answer.file or answer.origin)
        return {**record, "trimmed": True} if record["n_frames"] < request.n_frames else record
    except ClipFailure as failure:
        return {"clip": request.clip_id, "failure": failure.reason}


def _store_frames(folder: VideoFolder, request: Request, answer: Generated) -> Record:
    assert answer.frames is not None
    _check(request, answer.frames, answer.trimmed)
    audio = request.audio if answer.audio is None else answer.audio
    if not isinstance(audio, np.ndarray) or audio.dtype != np.int16 or audio.ndim != 1:
        raise ClipFailure("the generator gave sound that is not mono 16-bit")
    picture = folder.file(request.clip_id, ".mkv")
    video.write_lossless(picture, answer.frames, audio)
    record = _record(folder, request.clip_id, picture, answer.frames, audio, [picture])
    record["store"] = "lossless"
    record["track"] = "request" if answer.audio is None else "own"
    return record


def _store_file(folder: VideoFolder, request: Request, answer: Generated) -> Record:
    """Copy a delivered file as it is; it is scored on its own picture and sound."""
    assert answer.file is not None
    reader = video.MediaReader()
    if not answer.file.is_file() or answer.file.is_symlink():
        raise ClipFailure(f"the delivered file {answer.file.name} does not exist")
    info = reader.probe(answer.file)
    if info.fps is not None and abs(float(info.fps) - FPS) > 0.01:
        raise ClipFailure(f"delivered at {float(info.fps):.2f} frames per second, {FPS} needed")
    if info.n_frames > request.n_frames:
        raise ClipFailure(
            f"the delivered file has {info.n_frames} frames, {request.n_frames} needed"
        )
    recording = reader.read(answer.file)
    _check(request, recording.frames, answer.trimmed)
    picture = folder.file(request.clip_id, answer.file.suffix.lower())
    atomic_write(picture, answer.file.read_bytes())
    record = _record(folder, request.clip_id, picture, recording.frames, recording.audio, [picture])
    record["store"] = f"delivered {info.video_codec}" + (
        f" + {info.audio_codec}" if info.audio_codec else ""
    )
    record["track"] = "own" if info.audio_codec else "none"
    return record


def _check(request: Request, frames: Any, trimmed: bool) -> None:
    """Frame count, size and dtype of an answer. Raises ClipFailure saying which is wrong."""
    if reason := _wrong_frames(frames, request.size):
        raise ClipFailure(f"the generator gave {reason}")
    given, wanted = len(frames), request.n_frames
    if given > wanted or (given < wanted and not trimmed):
        raise ClipFailure(f"the generator gave {given} frames, {wanted} needed")


def _timing(clips: list[str], start: float) -> Record:
    return {
        "clips": clips,
        "seconds": round(time.perf_counter() - start, 4),
        "peak_memory": peak_memory_bytes(),
    }
