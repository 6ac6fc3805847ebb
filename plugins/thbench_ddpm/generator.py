"""Requests -> videos: frame after frame, clips side by side in a batch of one fixed shape."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from thbench.api import (
    Context,
    Failure,
    Frames,
    Generated,
    Request,
    TrainedOn,
    UserError,
    on_device,
)
from thbench.training.checkpoint import (
    Checkpoint,
    architecture_of,
    check_architecture,
    load_network,
    read_checkpoint,
)
from thbench.training.pictures import to_network, to_pixels
from thbench_ddpm import SHIPPED
from thbench_ddpm.diffusion import steps_back
from thbench_ddpm.networks import (
    NO_MOTION,
    Denoiser,
    LandmarkPredictor,
    neighbours,
    normalised,
)
from thbench_ddpm.noise import FrameNoise
from thbench_ddpm.options import PAPER, Architecture, Options
from thbench_speech.encoders import heard

DISTURBANCE = 1
"""Beside a clip's seed: the stream of noise that is put on its motion frames."""


@dataclass
class Row:
    """One clip while it is drawn. `signals` are [n_frames, 4C] each; `motion` is the frame drawn last.

    `noise` is what its frames begin with, `disturbance` what is put on its motion frames: [3, H, W] of the
    clip's own, whatever else is in the batch.
    """

    request: Request
    identity: Tensor
    motion: Tensor
    signals: Mapping[str, Tensor]
    noise: FrameNoise
    disturbance: FrameNoise
    drawn: list[Frames] = field(default_factory=list)
    broken: bool = False

    @property
    def finished(self) -> bool:
        return len(self.drawn) == self.request.n_frames


class DdpmGenerator:
    """The trained denoiser behind the contract of api.Generator."""

    trained_on: TrainedOn | None

    def __init__(self, options: Options, context: Context) -> None:
        checkpoint = read_checkpoint(options.checkpoint or SHIPPED, "ddpm")
        if options.architecture is not None:
            check_architecture(checkpoint, options.architecture.described())
        self._a = architecture_of(checkpoint, Architecture)
        options = _settled(options, checkpoint)
        if options.landmark_source == "oracle" and not self._a.landmarks:
            raise UserError(
                f"checkpoint {checkpoint.path} was trained without landmarks and has no use for "
                "landmark_source `oracle`",
                "give one with `landmarks: true` in its architecture",
            )
        if options.motion_level == "none" and not self._a.motion_signal:
            raise UserError(
                f"checkpoint {checkpoint.path} was never trained without a motion frame, which "
                "motion_level `none` asks for",
                "give one with `motion_signal: true` in its architecture, or a number",
            )
        self.trained_on = checkpoint.trained_on
        self.size, self.device, self.rows = (
            int(checkpoint.about["size"]), context.device, context.batch,
        )  # fmt: skip
        self.options, self._origin = options, options.checkpoint
        self.steps = steps_back(options.steps, options.eta, options.spacing)
        self.denoiser = Denoiser(self._a)
        load_network(self.denoiser, "denoiser", checkpoint)
        self.denoiser.to(self.device).eval().requires_grad_(False)
        self.denoiser.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.predictor: LandmarkPredictor | None = None
        if self._a.landmarks and options.landmark_source == "predicted":
            self.predictor = LandmarkPredictor(self._a.audio_code)
            load_network(self.predictor, "predictor", checkpoint)
            self.predictor.to(self.device).eval().requires_grad_(False)
        self._network = self._compiled() if options.compile else self.denoiser

    def _compiled(self) -> Any:
        """With CUDA graphs on a GPU, where launching the many small kernels is what takes the time."""
        mode = "reduce-overhead" if self.device.startswith("cuda") else None
        return torch.compile(self.denoiser, mode=mode)

    # -- requests -----------------------------------------------------------------------------------

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request]) -> Iterator[Generated | Failure]:
        """As many rows as the context's batch are drawn at once; a finished one makes room for the next
        request, and where none is left its place is filled up. A row's bytes depend on its request only.
        """
        waiting = deque(requests)
        rows: list[Row | None] = [None] * self.rows
        while True:
            for i in range(self.rows):
                while rows[i] is None and waiting:
                    request = waiting.popleft()
                    if reason := self._refusal(request):
                        yield Failure(request.clip_id, reason)
                    else:
                        rows[i] = self._row(request)
            if not any(rows):
                return
            self._draw(rows)
            for i, row in enumerate(rows):
                if row is not None and (answer := self._answer(row)) is not None:
                    rows[i] = None
                    yield answer

    def _refusal(self, request: Request) -> str | None:
        if request.size != self.size:
            return f"{request.size} px asked for, the checkpoint was trained at {self.size} px"
        if not len(request.audio):
            return "the request has no sound"
        if self._needs_oracle and "landmarks" not in request.oracle:
            return (
                "landmark_source is `oracle`, and the request has no landmarks: the system needs "
                "`oracle: [landmarks]`, and its dataset landmarks"
            )
        return None

    @property
    def _needs_oracle(self) -> bool:
        return self._a.landmarks and self.options.landmark_source == "oracle"

    def _row(self, request: Request) -> Row:
        identity = on_device(
            to_network(torch.from_numpy(request.identity_frame.copy())), self.device
        )
        signals, shape = self._signals(request, identity), tuple(identity.shape)
        noise, disturbance = (
            FrameNoise(np.random.default_rng(seed), shape, self.options.correlation)
            for seed in (request.seed, [request.seed, DISTURBANCE])
        )
        return Row(request, identity, identity, signals, noise, disturbance)

    def _signals(self, request: Request, identity: Tensor) -> dict[str, Tensor]:
        """Every signal but time, embedded, [n_frames, 4C]; one that is silenced is 0."""
        sound = torch.tensor(heard(self._a.audio, request.audio, request.n_frames))
        raw = {"audio": neighbours(self.denoiser.code(on_device(sound[None], self.device)))[0]}
        if self._a.landmarks:
            raw["landmarks"] = self._points(request, identity, raw["audio"])
        if self._a.motion_signal:
            level = self.options.motion_level
            said = torch.tensor(NO_MOTION if level == "none" else (level, 0.0), device=self.device)
            raw["motion"] = said.expand(request.n_frames, -1)
        embedded = self.denoiser.unet.embedded(raw)
        silenced = {
            "audio": self.options.silence_audio,
            "landmarks": self.options.landmark_source == "none",
        }
        return {n: torch.zeros_like(e) if silenced.get(n) else e for n, e in embedded.items()}

    def _points(self, request: Request, identity: Tensor, sound: Tensor) -> Tensor:
        """[n_frames, 136] of the declared source."""
        n = request.n_frames
        if self._needs_oracle:
            points = normalised(request.oracle["landmarks"][:n], self.size).astype(np.float32)
            return on_device(points, self.device)
        if self.predictor is None:
            return sound.new_zeros(n, 136)
        predicted: Tensor = self.predictor(identity.expand(n, -1, -1, -1), sound)
        return predicted

    # -- frames -------------------------------------------------------------------------------------

    def _draw(self, rows: Sequence[Row | None]) -> None:
        """The next frame of every row, all in one batch."""
        blank = next(row for row in rows if row is not None)
        filled = [row or blank for row in rows]
        motions = [blank.motion if row is None else self._disturbed(row) for row in rows]
        stills = torch.stack(
            [torch.cat((row.identity, m)) for row, m in zip(filled, motions, strict=True)]
        )
        signals = {
            name: torch.stack([row.signals[name][len(row.drawn)] for row in filled])
            for name in blank.signals
        }
        x = self._noise(rows, first=True)
        for step in self.steps:
            t = torch.full((self.rows,), step.t, device=self.device)
            output = self._output(x, t, stills, signals)
            image = step.image(x, output, self._a.predicts)
            x = step.back(x, image, self._noise(rows, first=False) if step.sigma else None)
        for row, image in zip(rows, x, strict=True):
            if row is not None:
                row.broken = not bool(image.isfinite().all())
                row.drawn.append(to_pixels(image.nan_to_num()))
                row.motion = on_device(to_network(torch.from_numpy(row.drawn[-1])), self.device)

    def _disturbed(self, row: Row) -> Tensor:
        """The motion frame as the network sees it: with noise, or none at all."""
        level = self.options.motion_level
        if level == "none":
            return torch.zeros_like(row.motion)
        if level == 0:
            return row.motion
        return row.motion + level * on_device(row.disturbance.next(), self.device)

    def _noise(self, rows: Sequence[Row | None], first: bool) -> Tensor:
        """What the next frame of every row begins with (`first`), or what a step back adds to it."""
        shape = (3, self.size, self.size)
        drawn = [
            torch.zeros(shape) if row is None else row.noise.next() if first else row.noise.fresh()
            for row in rows
        ]
        deviation = self.options.deviation if first else 1.0
        return on_device(torch.stack(drawn) * deviation, self.device)

    def _output(
        self, x: Tensor, t: Tensor, stills: Tensor, signals: Mapping[str, Tensor]
    ) -> Tensor:
        kind = self.device.partition(":")[0]
        with torch.autocast(kind, torch.bfloat16, enabled=self.options.precision == "bf16"):
            x = x.contiguous(memory_format=torch.channels_last)
            output: Tensor = self._network(x, t, stills, signals)
        return output.float()

    def _answer(self, row: Row) -> Generated | Failure | None:
        """What a row that needs no further frame became."""
        clip = row.request.clip_id
        if row.broken:
            return Failure(clip, f"frame {len(row.drawn) - 1} has values that are not finite")
        if row.finished:
            return Generated(clip, np.stack(row.drawn), origin=self._origin)
        return None


def _settled(options: Options, checkpoint: Checkpoint) -> Options:
    """With the checkpoint's own way of sampling in place of `trained`. Raises UserError where it names none
    that can be."""
    try:
        settled = options.settled(checkpoint.about.get("options", {}))
        TypeAdapter(Options).validate_python({name: getattr(settled, name) for name in PAPER})
    except (AttributeError, ValidationError):
        raise UserError(
            f"checkpoint {checkpoint.path}: its description has no valid frame_noise, temperature or motion_level",
            "name them in the suite, or give a checkpoint that `thbench train` wrote",
        ) from None
    return settled
