"""Answers of a generator: asked in batches, retried, checked, stored or counted as failed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from thbench import video
from thbench.api import (
    FPS,
    SAMPLES_PER_FRAME,
    ClipFailure,
    Decode,
    Failure,
    Frames,
    Generated,
    Placement,
    Recording,
    Request,
    UserError,
    placed,
)
from thbench.errors import in_one_line, is_out_of_memory, stop_for_machine
from thbench.files.atomic import atomic_write
from thbench.files.foreign import read_bytes
from thbench.generate.registration import check
from thbench.generate.requests import make_request
from thbench.run.folder import Record, VideoFolder, failure_record, origin_of, reference_mark
from thbench.run.job import Job, batch_limit, generator_of, system_of
from thbench.run.records import timing_of, video_record, wrong_frames
from thbench.suite import System
from thbench.video.edits import least_likeness
from thbench.video.likeness import likeness

Stored: TypeAlias = tuple[Record, Frames]
"""What is recorded of a stored video, and its frames."""


SHORTEST = 0.9
"""Share of its frames that a trimmed video must have: a shorter one would be scored on the easier part."""


def answer_batch(
    job: Job, task: tuple[str, tuple[Record, ...], Any]
) -> tuple[list[Record], Record]:
    """Have one system answer up to `batch` clips; every clip ends as a record, stored or failed."""
    name, references, _ = task
    start = time.perf_counter()
    system = system_of(job, name)
    records: dict[str, Record] = {}
    requests, events = [], list[str]()
    for reference in references:
        try:
            requests.append(make_request(job, system, reference))
        except ClipFailure as failure:
            stop_for_machine(failure, f"clip {reference['clip']}")
            records[reference["clip"]] = failure_record(reference["clip"], failure)
    seen = {r["clip"]: r for r in references}
    for record in _answers(job, system, requests, seen, events):
        records[record["clip"]] = record
    folder = job.run.system(name)
    made = [
        {**_with_likeness(folder, system, records[r["clip"]], r), "reference": reference_mark(r)}
        for r in references
    ]
    timing = timing_of([r["clip"] for r in references], start)
    return made, {**timing, "events": events} if events else timing


def _with_likeness(
    folder: VideoFolder, system: System, record: Record, reference: Record
) -> Record:
    """The record of an answer with how nearly it moves as its reference does: copies are not ranked.

    Of a system that edits the recording, what counts is the part that moves least alike.
    """
    if "failure" in record:
        return record
    if record["frames_digest"] == reference["frames_digest"]:
        return {**record, "likeness": 1.0}
    try:
        frames, truth = folder.open(record).frames, folder.open(reference).frames
        measure = least_likeness if system.given == "recording" else likeness
        return {**record, "likeness": measure(frames, truth)}
    except ClipFailure as failure:
        stop_for_machine(failure, f"clip {record['clip']}")
        return {"clip": record["clip"], "failure": failure.reason}


def _answers(
    job: Job,
    system: System,
    requests: Sequence[Request],
    references: Mapping[str, Record],
    events: list[str],
) -> Iterator[Record]:
    """Ask in batches; out of memory halves them for good, any other exception leaves one by one."""
    waiting = {r.clip_id: r for r in requests}
    limit = batch_limit(job, system.name)
    batch = limit[0]
    while waiting:
        asked = dict(list(waiting.items())[:batch])
        failed: BaseException | None = None
        try:
            for record in _adopt(job, system, asked, references):
                del waiting[record["clip"]]
                yield record
        except UserError:
            raise
        except (Exception, SystemExit) as error:  # a plugin may end itself, never the run
            if len(asked) == 1 or not is_out_of_memory(error):
                stop_for_machine(error, f"generator {system.name}, {_named(asked)}")
            failed = error
        if failed is not None and len(asked) > 1:
            if is_out_of_memory(failed):
                limit[0] = batch = len(asked) // 2
            else:
                batch = 1
            events.append(f"batch of {len(asked)} raised {in_one_line(failed)}; next batch {batch}")
            continue
        reason = (
            f"the generator raised {in_one_line(failed)}"
            if failed
            else "the generator gave no answer"
        )
        for clip_id in asked.keys() & waiting.keys():
            del waiting[clip_id]
            yield {"clip": clip_id, "failure": reason}


def _named(asked: Mapping[str, Request]) -> str:
    first, *others = asked
    return f"clip {first}" + (f" and {len(others)} more" if others else "")


def _adopt(
    job: Job, system: System, asked: Mapping[str, Request], references: Mapping[str, Record]
) -> Iterator[Record]:
    """Take answers as they come; each request is answered once, by its own clip id."""
    answered: set[str] = set()
    folder = job.run.system(system.name)
    generator = generator_of(job, system.name)
    folder.declare_training(generator.trained_on)
    folder.declare_about(str(getattr(generator, "about", "")))
    folder.declare_environment(getattr(generator, "environment", {}))
    for answer in generator.generate(list(asked.values())):
        clip_id = str(getattr(answer, "clip_id", None))
        if clip_id not in asked:
            raise RuntimeError(f"it answered a clip it was not asked for: {clip_id!r}")
        if clip_id in answered:
            raise RuntimeError(f"it answered clip {clip_id} twice")
        answered.add(clip_id)
        yield _registered(job, folder, asked[clip_id], references[clip_id], answer)


def _registered(
    job: Job, folder: VideoFolder, request: Request, reference: Record, answer: Any
) -> Record:
    """Store an answer, and register its picture on its reference's, which it should show."""
    record, frames = _store_answer(folder, request, answer, job.settings.decode)
    if frames is not None:
        seen = job.run.references(request.size).open(reference)
        record["registration"] = check(job, folder, request, frames, seen)
    return record


def _store_answer(
    folder: VideoFolder, request: Request, answer: Any, decode: Decode
) -> tuple[Record, Frames | None]:
    if isinstance(answer, Failure):
        failure = ClipFailure(answer.reason, bool(answer.again))
        return failure_record(request.clip_id, failure), None
    try:
        if not isinstance(answer, Generated) or (answer.frames is None) == (answer.file is None):
            raise ClipFailure("the generator gave neither frames nor a file, or both")
        if answer.file is None:
            record, frames = _store_frames(folder, request, answer)
        else:
            record, frames = _store_file(folder, request, answer, decode)
        record["origin"] = origin_of(answer.file or answer.origin)
        if record["n_frames"] < request.n_frames:
            record["trimmed"] = True
        if answer.changes:
            record["changes"] = [" ".join(str(change).split()) for change in answer.changes]
        return record, frames
    except ClipFailure as failure:
        stop_for_machine(failure, f"clip {request.clip_id}")
        return failure_record(request.clip_id, failure), None


def _store_frames(folder: VideoFolder, request: Request, answer: Generated) -> Stored:
    assert answer.frames is not None
    _check(request, answer.frames, answer.trimmed)
    audio = request.audio if answer.audio is None else answer.audio
    if not isinstance(audio, np.ndarray) or audio.dtype != np.int16 or audio.ndim != 1:
        raise ClipFailure("the generator gave sound that is not mono 16-bit")
    picture = folder.file(request.clip_id, ".mkv")
    video.write_lossless(picture, answer.frames, audio)
    record = video_record(folder, request.clip_id, picture, answer.frames, audio, [picture])
    record["store"] = "lossless"
    record["track"] = "request" if answer.audio is None else "own"
    if answer.placement:
        record["placement"] = answer.placement.record()
    return record, answer.frames


def _store_file(folder: VideoFolder, request: Request, answer: Generated, decode: Decode) -> Stored:
    """Keep a delivered file: as it is, or cut to its reference's square and stored losslessly."""
    assert answer.file is not None
    reader = video.MediaReader(decode=decode)
    if not answer.file.is_file() or answer.file.is_symlink():
        raise ClipFailure(f"the delivered file {answer.file.name} does not exist")
    info = reader.probe(answer.file)
    if info.fps is not None and abs(float(info.fps) - FPS) > 0.01:
        raise ClipFailure(f"delivered at {float(info.fps):.2f} frames per second, {FPS} needed")
    if info.frames_at_25 > request.n_frames:
        raise ClipFailure(
            f"the delivered file has {info.frames_at_25} frames, {request.n_frames} needed"
        )
    recording = reader.read(answer.file)
    placement = answer.placement or placed(
        recording.frames[0], request.identity_frame, request.frame, "as-reference"
    )
    if not placement.square.is_whole:
        return _store_cut(folder, request, answer, recording, placement)
    _check(request, recording.frames, answer.trimmed)
    picture = folder.file(request.clip_id, answer.file.suffix.lower())
    atomic_write(picture, read_bytes(answer.file))
    record = video_record(
        folder, request.clip_id, picture, recording.frames, recording.audio, [picture]
    )
    record["store"] = f"delivered {info.video_codec}" + (
        f" + {info.audio_codec}" if info.audio_codec else ""
    )
    record["track"] = "own" if info.audio_codec else "none"
    if decode != "exact":  # the file is read again, each time in this way
        record["decode"] = decode
    return {**record, "placement": placement.record()}, recording.frames


def _store_cut(
    folder: VideoFolder,
    request: Request,
    answer: Generated,
    recording: Recording,
    placement: Placement,
) -> Stored:
    square = placement.square
    frames = video.MediaReader().gather(square.cut(f, request.size) for f in recording.frames)
    audio = recording.audio
    sound = np.zeros(0, np.int16) if audio is None else audio[: len(frames) * SAMPLES_PER_FRAME]
    cut = replace(answer, file=None, frames=frames, audio=sound, placement=placement)
    return _store_frames(folder, request, cut)


def _check(request: Request, frames: Any, trimmed: bool) -> None:
    """Frame count, size and dtype of an answer. Raises ClipFailure saying which is wrong."""
    if reason := wrong_frames(frames, request.size):
        raise ClipFailure(f"the generator gave {reason}")
    given, wanted = len(frames), request.n_frames
    if given > wanted or (given < wanted and not trimmed):
        raise ClipFailure(f"the generator gave {given} frames, {wanted} needed")
    if given < SHORTEST * wanted:
        raise ClipFailure(f"{given} of {wanted} frames: below {SHORTEST:.0%} it is not covered")
