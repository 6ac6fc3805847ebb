"""References stored once per resolution, and the controls derived from them."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np

from thbench import controls, video
from thbench.api import Clip, ClipFailure, Frames, Source, UserError
from thbench.errors import in_one_line, stop_for_machine
from thbench.files.atomic import atomic_file
from thbench.run.folder import Record, VideoFolder, failure_record, origin_of, reference_mark
from thbench.run.job import Job, clips_of, dataset_of, suite_of
from thbench.run.records import timing_of, video_record, wrong_frames
from thbench.suite.seeds import identity_index, request_seed


def store_reference(job: Job, task: tuple[int, str]) -> tuple[list[Record], Record]:
    """Load one clip of the dataset and store it losslessly."""
    size, clip_id = task
    start = time.perf_counter()
    folder = job.run.references(size)
    try:
        source = _load(job, clips_of(job)[clip_id], size)
        record = _store_source(folder, clip_id, source)
    except ClipFailure as failure:
        stop_for_machine(failure, f"clip {clip_id}")
        record = failure_record(clip_id, failure)
    return [record], timing_of([clip_id], start)


def _load(job: Job, clip: Clip, size: int) -> Source:
    """A source the rest of thbench can rely on, or ClipFailure."""
    try:
        source = dataset_of(job).load(clip, size)
    except (ClipFailure, UserError):
        raise
    except (Exception, SystemExit) as error:  # a plugin may end itself, never the run
        stop_for_machine(error, f"dataset, clip {clip.id}")
        raise ClipFailure(f"the dataset raised {in_one_line(error)}") from error
    if reason := wrong_frames(source.frames, size):
        raise ClipFailure(f"the dataset gave {reason}")
    if source.audio.dtype != np.int16 or source.audio.ndim != 1 or not len(source.audio):
        raise ClipFailure("the dataset gave no mono 16-bit sound")
    return source


def _store_source(folder: VideoFolder, clip_id: str, source: Source) -> Record:
    picture = folder.file(clip_id, ".mkv")
    video.write_lossless(picture, source.frames, source.audio)
    files = [picture]
    if source.annotations:
        annotations = folder.file(clip_id, ".npz")
        with atomic_file(annotations) as file:
            np.savez(file, allow_pickle=False, **source.annotations)
        files.append(annotations)
    record = video_record(folder, clip_id, picture, source.frames, source.audio, files)
    record["annotations"] = folder.relative(files[1]) if source.annotations else None
    record["annotations_digest"] = video.annotations_digest(source.annotations)
    record["origin"] = origin_of(source.origin)
    if source.changes:
        record["changes"] = [" ".join(str(change).split()) for change in source.changes]
    record["frame"] = asdict(source.frame) if source.frame else None
    return record


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
        stop_for_machine(failure, f"control {name}, clip {reference['clip']}")
        record = failure_record(reference["clip"], failure)
    record["reference"] = reference_mark(reference)
    return [record], timing_of([reference["clip"]], start)


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
    left_out = {"annotations", "annotations_digest", "origin", "frame"}
    if variation.through_h264 or variation.frames is not None or variation.audio is not None:
        # What is to be said of references is said once, of the ground truth.
        left_out.add("changes")
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
