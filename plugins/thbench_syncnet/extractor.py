"""The extractor `syncnet_features`: every window's lip and audio feature, once per video."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from thbench.api import (
    SAMPLES_PER_FRAME,
    Context,
    Extractor,
    Frames,
    UserError,
    Video,
    Waveform,
)
from thbench_syncnet.faces import Detector, S3fd, Yunet
from thbench_syncnet.features import file_digest, window_features
from thbench_syncnet.folded import Folded
from thbench_syncnet.networks import SIZE, load_syncnet
from thbench_syncnet.options import FACE_BOXES, FeatureOptions
from thbench_syncnet.sound import require_sound
from thbench_syncnet.tracking import Cropped, choose, follow

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class SyncNetFeatures:
    """[2, W, 1024] float32: lip windows, then audio windows, not normalised.

    W = min(frames, samples // 640) - 5 of the (tracked) video, at least 0. Raises ClipFailure for a
    video without audio, with silence only, or (`tracked`) without a usable face track.
    """

    def __init__(self, options: FeatureOptions, context: Context) -> None:
        weights = context.weights("syncnet")
        self._network = Folded(load_syncnet(weights), PRECISIONS[options.precision])
        self._options, self._batch = options, context.batch
        self._same_bytes = partial(_asked, context) if options.precision == "fp32" else None
        self._detector = _detector(options, context) if options.input == "tracked" else None
        self.identity = (
            f"syncnet_features/1 syncnet sha256:{file_digest(weights)[:12]} {_preprocessing(options)}"
            f" {options.precision}"
        )

    def __call__(self, video: Video) -> NDArray[np.floating]:
        frames, audio = self._seen(video)
        return window_features(frames, audio, self._network, self._batch, self._same_bytes)

    def _seen(self, video: Video) -> tuple[Frames | Cropped, Waveform]:
        audio = require_sound(video.audio)
        if self._detector is None:
            return video.frames, audio
        options = self._options
        faces = self._detector(video)
        track = choose(follow(faces, options.iou, options.num_failed_det), options)
        last = track.first + len(track.boxes)
        heard = audio[track.first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME]
        return Cropped(video.frames, track, options.crop_scale), heard


def _asked(context: Context, way: str, check: Callable[[], bool | None]) -> bool:
    return context.same_bytes(way, "thbench_syncnet.features", check)


def build_features(options: FeatureOptions, context: Context) -> Extractor:
    """The extractor for these options. Raises UserError for a combination that does not exist."""
    if options.weights == "syncnet":
        return SyncNetFeatures(options, context)
    if options.input == "tracked" or options.precision != "fp32":
        raise UserError(
            "the puppet network sees whole frames in fp32 only",
            "leave out `input` and `precision`, or use `weights: syncnet`",
        )
    from thbench_syncnet.puppet import PuppetFeatures

    return PuppetFeatures(context.batch)


def _detector(options: FeatureOptions, context: Context) -> Detector:
    if options.detector == "yunet":
        return Yunet(context.extractor("face_boxes", **FACE_BOXES))
    weights = context.weights("s3fd")
    return S3fd(weights, options.detector_scale, options.detector_confidence)


def _preprocessing(o: FeatureOptions) -> str:
    if o.input == "whole":
        return f"whole frame, bilinear {SIZE} px, BGR 0..255"
    return (
        f"tracked by {o.detector} (scale {o.detector_scale}, confidence {o.detector_confidence}, "
        f"iou {o.iou}, gap {o.num_failed_det}, track > {o.min_track}, face > {o.min_face_size} px, "
        f"margin {o.crop_scale}), {SIZE} px, BGR 0..255"
    )
