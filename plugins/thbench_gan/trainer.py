"""How the GAN learns: what an example is, and the two phases of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thbench.api import Context, Source, TrainedOn
from thbench.training.checkpoint import Checkpoint, read_checkpoint, take_over
from thbench.training.contract import Example, Figure, Phase
from thbench.training.mouth import eye_boxes, mouth_boxes, mouth_mask, whole_frames
from thbench.training.pictures import to_network
from thbench_face.on_demand import LandmarksOnDemand
from thbench_gan.losses import (
    adversarial_loss,
    discriminator_loss,
    pixel_loss,
    r1_penalty,
    snr_db,
)
from thbench_gan.movement import LENGTH, movement, there_and_back
from thbench_gan.networks import Discriminator, Generator, code_length
from thbench_gan.options import Architecture, Options
from thbench_gan.resnet import load_imagenet
from thbench_speech.encoders import heard, load_sda

FIGURES = (
    Figure(
        "losses",
        "Losses of generator and discriminator (figure 4)",
        "loss",
        {"generator": "G, training", "discriminator": "D, training"},
        {"generator": "G, validation", "discriminator": "D, validation"},
    ),
    Figure("pixel_loss", "Pixel loss (figure 5)", "L1, values in -1..1",
           {"l1": "training"}, {"l1": "validation"}),
    Figure("snr", "Signal-to-noise ratio (figure 6)", "dB",
           {"snr": "training"}, {"snr": "validation"}),
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """c of a window, [B, W, C], and its frames G(z|c), [B, W, 3, H, W] in -1..1."""

    code: Tensor
    frames: Tensor

    def detach(self) -> Drawn:
        return Drawn(self.code.detach(), self.frames.detach())


class GanTrainer:
    """A Trainer of thbench.training: generator and discriminator, both updated in every step."""

    phases: Sequence[Phase]
    published = ("generator",)
    criteria: Mapping[str, Literal["lower", "higher"]] = {
        "l1": "lower", "l1_mouth": "lower", "snr": "higher",
    }  # fmt: skip
    figures = FIGURES

    def __init__(self, options: Options, context: Context, size: int) -> None:
        a = options.architecture or Architecture()
        self.options, self.size, self._audio, self._moves = options, size, a.audio, a.movement
        self.architecture: Mapping[str, Any] = a.described()
        self.generator = Generator(a, size)
        self.discriminator = Discriminator(code_length(a), size, options.discriminator_width)
        self.networks: Mapping[str, nn.Module] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
        }
        betas = (options.beta1, 0.999)
        self.phases = (
            Phase("generator", "generator", options.generator_rate, betas),
            Phase("discriminator", "discriminator", options.discriminator_rate, betas),
        )
        self.pretrained = self._start(a, context)
        self._landmarks = LandmarksOnDemand(context)
        self._to_judge: list[tuple[Mapping[str, Tensor], Drawn]] = []

    def _start(self, a: Architecture, context: Context) -> dict[str, str | TrainedOn]:
        """Put weights in that were trained before; their names and what they were trained on."""
        if self.options.init_from is None:
            return _load_published(self.generator, a, context)
        start = self._grown(read_checkpoint(self.options.init_from, "gan"))
        return take_over(start, {"generator": self.generator}, self.architecture)

    def _grown(self, start: Checkpoint) -> Checkpoint:
        """A generator without `movement` serves one with it, which adds 0 at first and knows no donors."""
        if not self._moves or start.about["architecture"].get("movement"):
            return start
        fresh = ("moves.weight", "donors", "given")
        own = self.generator.state_dict()
        about = {**start.about["architecture"], "movement": True}
        return replace(
            start,
            tensors={**start.tensors, **{f"generator/{k}": own[k].clone() for k in fresh}},
            about={**start.about, "architecture": about},
        )

    # -- examples ---------------------------------------------------------------------------------

    def prepare(self, source: Source) -> Example:
        """Frames, audio features per frame, boxes of the mouth (the whole frame where none is weighed) and of
        the eyes, movement."""
        n = len(source.frames)
        kept = {
            "frames": source.frames,
            "audio": heard(self._audio, source.audio, n),
            "mouth": self._boxes(source, n),
        }
        if self.options.eye_weight != 1:
            kept["eyes"] = eye_boxes(self._points(source))
        if self._moves:
            kept["moves"] = movement(self._points(source))
        return kept

    def _points(self, source: Source) -> NDArray[Any]:
        points = source.annotations.get("landmarks")
        return self._landmarks(source.frames) if points is None else points

    def _boxes(self, source: Source, n: int) -> NDArray[np.float32]:
        if self.options.mouth_weight == 1 and "landmarks" not in source.annotations:
            return whole_frames(n, self.size)
        return mouth_boxes(self._points(source))

    def cut(self, clip: Example, rng: np.random.Generator) -> Example:
        """A window at a random place, inside a longer stretch of sound that the LSTM runs through.

        The identity frame is the clip's first, as in a request. Short clips repeat their last frame.
        """
        n, window = len(clip["frames"]), self.options.frames
        heard_frames = window + self.options.lead
        first = int(rng.integers(0, max(n - heard_frames, 0) + 1))
        offset = int(rng.integers(0, self.options.lead + 1))
        stretch = np.minimum(first + np.arange(heard_frames), n - 1)
        shown = stretch[offset : offset + window]
        example = {
            "identity": clip["frames"][0],
            "audio": clip["audio"][stretch],
            "offset": np.int64(offset),
            "frames": clip["frames"][shown],
            "mouth": clip["mouth"][shown],
        }
        if "eyes" in clip:
            example["eyes"] = clip["eyes"][shown]
        if "moves" in clip:
            example["moves"] = clip["moves"][stretch]
            example["donor"] = clip["moves"][there_and_back(n, LENGTH)]
        return example

    # -- losses -----------------------------------------------------------------------------------

    def loss(self, phase: str, batch: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        real = to_network(batch["frames"])
        if phase == "generator":
            if "donor" in batch:
                self.generator.keep(batch["donor"][0])
            drawn = self.draw(batch)
            self._to_judge.append((batch, drawn.detach()))
            return self._generator_loss(batch, drawn, real)
        real.requires_grad_(self.options.r1 > 0)
        return self._discriminator_loss(self._awaiting(batch), real)

    def draw(self, batch: Mapping[str, Tensor]) -> Drawn:
        """c and G(z|c) of the window."""
        z = torch.randn(len(batch["identity"]), self.generator.noise).to(batch["identity"].device)
        whole = self.generator.condition(to_network(batch["identity"]), batch["audio"])
        features = self.generator.features(whole, z, batch.get("moves"))
        shown = batch["offset"][:, None] + torch.arange(self.options.frames, device=z.device)
        return Drawn(_at(whole.code, shown), self.generator.draw(_at(features, shown), whole))

    def _awaiting(self, batch: Mapping[str, Tensor]) -> Drawn:
        """What the generator's phase drew of this batch, so that both phases judge the same frames."""
        for i, (of, drawn) in enumerate(self._to_judge):
            if of is batch:
                del self._to_judge[: i + 1]
                return drawn
        with torch.no_grad():
            return self.draw(batch)

    def _generator_loss(
        self, batch: Mapping[str, Tensor], drawn: Drawn, real: Tensor
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        # c reaches the encoders through G only: through D they would learn to please it
        deceives = adversarial_loss(self.discriminator(drawn.frames, drawn.code.detach()))
        loss = deceives + self.options.lambda_pixel * self._pixels(batch, drawn.frames, real)
        return loss, {
            "l1": pixel_loss(drawn.frames, real).detach(),
            "snr": snr_db((drawn.frames.detach() + 1) / 2, (real.detach() + 1) / 2).mean(),
        }

    def _pixels(self, batch: Mapping[str, Tensor], fake: Tensor, real: Tensor) -> Tensor:
        mouth, eye = self.options.mouth_weight, self.options.eye_weight
        if mouth == eye == 1:
            return pixel_loss(fake, real)
        weight = 1 + (mouth - 1) * mouth_mask(batch["mouth"], self.size)
        if "eyes" in batch:
            eyes = mouth_mask(batch["eyes"], self.size).amax(dim=-4)
            weight = weight.maximum(1 + (eye - 1) * eyes)
        return pixel_loss(fake, real, weight)

    def _discriminator_loss(
        self, drawn: Drawn, real: Tensor
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """L_D, with the R1 penalty where `real` asks for its gradient."""
        on_real = self.discriminator(real, drawn.code)
        on_fake = self.discriminator(drawn.frames, drawn.code)
        loss = discriminator_loss(on_real, on_fake, self.options.label_smoothing)
        logged = {"d_real": on_real.sigmoid().mean(), "d_fake": on_fake.sigmoid().mean()}
        if real.requires_grad:
            logged["r1"] = r1_penalty(on_real, real)
            loss = loss + self.options.r1 * logged["r1"]
        return loss, {name: value.detach() for name, value in logged.items()}

    def validate(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        real, drawn = to_network(batch["frames"]), self.draw(batch)
        g_loss, g_logged = self._generator_loss(batch, drawn, real)
        d_loss, d_logged = self._discriminator_loss(drawn, real)
        mouth = pixel_loss(drawn.frames, real, mouth_mask(batch["mouth"], self.size))
        return {
            "generator": g_loss, "discriminator": d_loss, **g_logged, "l1_mouth": mouth, **d_logged,
        }  # fmt: skip


def _at(sequence: Tensor, places: Tensor) -> Tensor:
    """[B, W, C] of [B, T, C] at places [B, W]."""
    return sequence.gather(1, places[..., None].expand(-1, -1, sequence.shape[2]))


def _load_published(
    generator: Generator, a: Architecture, context: Context
) -> dict[str, str | TrainedOn]:
    """Put published weights into frozen parts; their names and what they were trained on."""
    found: dict[str, str | TrainedOn] = {}
    if a.identity == "imagenet":
        load_imagenet(generator.identity, context.weights("resnet18-imagenet"))
        found["resnet18-imagenet"] = "ImageNet-1k"
    if a.audio == "sda-crema":
        load_sda(generator.audio, context.weights("sda-crema"))  # type: ignore[arg-type]
        found["sda-crema"] = "unknown"  # CREMA-D, but which actors is not published
    return found
