"""Requests -> videos. A clip is drawn by itself, in chunks of one fixed shape, from its own noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from thbench.api import Context, Failure, Frames, Generated, Request, TrainedOn, on_device
from thbench.training.checkpoint import (
    architecture_of,
    check_architecture,
    load_network,
    read_checkpoint,
)
from thbench.training.pictures import to_network, to_pixels
from thbench_gan import SHIPPED
from thbench_gan.movement import DONORS, LENGTH, about_the_start, there_and_back
from thbench_gan.networks import Condition, Generator
from thbench_gan.options import Architecture, Options
from thbench_speech.encoders import heard

CHUNK = 16
"""Frames drawn at once: the fixed batch shape of the upsampling CNN."""


class GanGenerator:
    """The trained generator network behind the contract of api.Generator."""

    trained_on: TrainedOn | None

    def __init__(self, options: Options, context: Context) -> None:
        checkpoint = read_checkpoint(options.checkpoint or SHIPPED, "gan")
        if options.architecture is not None:
            check_architecture(checkpoint, options.architecture.described())
        architecture = architecture_of(checkpoint, Architecture)
        self.trained_on = checkpoint.trained_on
        self.size, self.device = int(checkpoint.about["size"]), context.device
        self._encoder, self._origin = architecture.audio, options.checkpoint
        self._moves = architecture.movement
        self.network = Generator(architecture, self.size)
        load_network(self.network, "generator", checkpoint)
        self.network.to(self.device).eval().requires_grad_(False)

    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        """Each request by itself, so that neither order nor neighbours nor the batch change a byte."""
        for request in requests:
            if reason := self._refusal(request):
                yield Failure(request.clip_id, reason)
                continue
            frames = self._frames(request)
            if frames is None:
                yield Failure(request.clip_id, "the network gave values that are not finite")
                continue
            yield Generated(request.clip_id, frames, origin=self._origin)

    def _refusal(self, request: Request) -> str | None:
        if request.size != self.size:
            return f"{request.size} px asked for, the checkpoint was trained at {self.size} px"
        return None if len(request.audio) else "the request has no sound"

    @torch.inference_mode()
    def _frames(self, request: Request) -> Frames | None:
        """[n_frames, size, size, 3] uint8, or None where a value is NaN or infinite."""
        condition, features = self._features(request)
        if not bool(features.isfinite().all()):
            return None
        drawn = [
            self._chunk(features, condition, first) for first in range(0, request.n_frames, CHUNK)
        ]
        return to_pixels(torch.cat(drawn)[: request.n_frames])

    def _features(self, request: Request) -> tuple[Condition, Tensor]:
        """c, and [1, n_frames, hidden] of the LSTM over the whole clip."""
        audio = heard(self._encoder, request.audio, request.n_frames)
        rng = np.random.default_rng(request.seed)
        z = rng.standard_normal((1, self.network.noise))
        identity = to_network(on_device(request.identity_frame[None], self.device))
        condition = self.network.condition(identity, on_device(audio[None], self.device))
        return condition, self.network.features(
            condition,
            on_device(z.astype(np.float32), self.device),
            self._movement(rng, request.n_frames) if self._moves else None,
        )

    def _movement(self, rng: np.random.Generator, n: int) -> Tensor:
        """[1, n, PARTS] of one of the donors; without any, as with fresh weights, none at all."""
        known = min(int(self.network.given), DONORS)
        donor = int(rng.integers(known)) if known else 0
        places = on_device(there_and_back(LENGTH, n), self.device)
        return about_the_start(self.network.donors[donor, places])[None]

    def _chunk(self, features: Tensor, condition: Condition, first: int) -> Tensor:
        """[CHUNK, 3, size, size]; past the clip's end the last frame is repeated."""
        places = torch.arange(first, first + CHUNK).clamp(max=features.shape[1] - 1)
        return self.network.draw(features[:, places.to(features.device)], condition)[0]
