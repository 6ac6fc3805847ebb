"""How the DDPM learns (sections 4.2 and 5.2): what an example is, and the loss of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thbench.api import Context, Source, TrainedOn, UserError
from thbench.training.checkpoint import Checkpoint, read_checkpoint, take_over
from thbench.training.contract import Example, Figure, Phase
from thbench.training.mouth import eye_boxes, mouth_boxes, mouth_mask, whole_frames
from thbench.training.pictures import to_network
from thbench_ddpm.diffusion import TRAINING_STEPS, Diffusion, steps_back
from thbench_ddpm.networks import (
    HEARD,
    NO_MOTION,
    Denoiser,
    LandmarkPredictor,
    normalised,
)
from thbench_ddpm.options import Architecture, Options
from thbench_face.on_demand import LandmarksOnDemand
from thbench_speech.encoders import heard, load_sda

STRATA = 10
"""Parts of the training steps; validation draws one step of each, so that its loss is steady."""
LANDMARK_RATE = 1e-3
OWN_STEPS = 3
"""Steps in which a motion frame is drawn in training (`motion_own`)."""

FIGURES = (
    Figure("losses", "Loss of the denoiser (figures 7 and 8)", "MSE",
           {"mse": "MSE, training", "lip": "lip loss, training"},
           {"mse": "MSE, validation", "lip": "lip loss, validation"}),
)  # fmt: skip
LANDMARK_FIGURE = Figure(
    "landmarks", "Predictor of landmarks", "mean distance, share of the image",
    {"landmark_error": "training"}, {"landmark_error": "validation"},
)  # fmt: skip


class DdpmTrainer:
    """A Trainer of thbench.training: the denoiser, and with landmarks their predictor."""

    criteria: Mapping[str, Literal["lower", "higher"]] = {"mse": "lower", "lip": "lower"}

    def __init__(self, options: Options, context: Context, size: int) -> None:
        a = options.architecture or Architecture()
        if size % a.smallest:
            raise UserError(
                f"resolution {size} is no multiple of {a.smallest}, the pixels that become one place "
                f"with patch {a.patch} and {len(a.multiples)} multiples",
                "choose another resolution or architecture",
            )
        self.options, self.size, self._a = options.settled({}), size, a
        self.architecture: Mapping[str, Any] = a.described()
        self._on_demand = LandmarksOnDemand(context)
        self.diffusion = Diffusion(a.predicts)
        self.denoiser = Denoiser(a)
        self.denoiser.unet.checkpointing = options.gradient_checkpointing
        self.denoiser.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.networks: dict[str, nn.Module] = {"denoiser": self.denoiser}
        phases = [Phase("denoiser", "denoiser", options.learning_rate)]
        self.figures: Sequence[Figure] = FIGURES
        if a.landmarks:
            self.networks["predictor"] = LandmarkPredictor(a.audio_code)
            phases.append(Phase("predictor", "predictor", LANDMARK_RATE))
            self.figures = (*FIGURES, LANDMARK_FIGURE)
        self.phases: Sequence[Phase] = phases
        self.published = tuple(self.networks)
        self.pretrained = self._start(context)

    def _start(self, context: Context) -> dict[str, str | TrainedOn]:
        """Put weights in that were trained before; their names and what they were trained on."""
        file = self.options.init_from
        if file is not None:
            start = self._grown(read_checkpoint(file, "ddpm"))
            return take_over(start, self.networks, self.architecture)
        if self._a.audio == "mel":
            return {}
        load_sda(self.denoiser.audio, context.weights("sda-crema"))  # type: ignore[arg-type]
        return {"sda-crema": "unknown"}  # CREMA-D, but which actors is not published

    def _grown(self, start: Checkpoint) -> Checkpoint:
        """Weights of a network without the signal `motion` or the identity frame's outputs serve one with
        them: the signal starts as 0, the new outputs as well."""
        about, tensors = dict(start.about["architecture"]), dict(start.tensors)
        own = {f"denoiser/{k}": v for k, v in self.denoiser.state_dict().items()}
        if self._a.motion_signal and "motion_signal" not in about:
            about["motion_signal"] = True
            tensors |= {k: v.clone() for k, v in own.items() if ".embed.motion." in k}
        if self._a.output == "identity" and "output" not in about:
            about["output"] = "identity"
            for name in ("denoiser/unet.last.weight", "denoiser/unet.last.bias"):
                grown = torch.zeros_like(own[name])
                if name in tensors and len(tensors[name]) <= len(grown):
                    grown[: len(tensors[name])] = tensors[name]
                tensors[name] = grown
        return replace(start, tensors=tensors, about={**start.about, "architecture": about})

    # -- examples ---------------------------------------------------------------------------------

    def prepare(self, source: Source) -> Example:
        """Frames, audio features per frame (of a frozen encoder), landmarks and mouths."""
        n = len(source.frames)
        kept = {
            "frames": source.frames,
            "audio": self._sound(source, n),
            "mouth": self._boxes(source, n),
        }
        if self.options.eye_weight != 1:
            kept["eyes"] = eye_boxes(self._landmarks(source))
        if self._a.landmarks:
            kept["landmarks"] = normalised(self._landmarks(source), self.size).astype(np.float32)
        return kept

    def _sound(self, source: Source, n: int) -> NDArray[np.float32]:
        windows = heard(self._a.audio, source.audio, n)
        if not self.denoiser.frozen:
            return windows
        device = next(self.denoiser.parameters()).device
        with torch.inference_mode():
            code = self.denoiser.code(torch.tensor(windows)[None].to(device))
        vectors: NDArray[np.float32] = code[0].cpu().numpy()
        return vectors

    def _landmarks(self, source: Source) -> NDArray[Any]:
        points = source.annotations.get("landmarks")
        return self._on_demand(source.frames) if points is None else points

    def _boxes(self, source: Source, n: int) -> NDArray[np.float32]:
        """[n, 4] left, top, right, bottom of the mouth; the whole frame where none is needed."""
        if self.options.mouth_weight == 1 and "landmarks" not in source.annotations:
            return whole_frames(n, self.size)
        return mouth_boxes(self._landmarks(source))

    def cut(self, clip: Example, rng: np.random.Generator) -> Example:
        """One frame and all it is drawn from. The motion frame is the true one before it; that of the
        first frame is the identity frame, which is the clip's first, as in a request."""
        n = len(clip["frames"])
        k = int(rng.integers(0, n))
        around = np.arange(-HEARD, HEARD + 1)
        example = {
            "identity": clip["frames"][0],
            "motion": clip["frames"][max(k - 1, 0)],
            "frame": clip["frames"][k],
            "audio": clip["audio"][np.clip(k + around, 0, n - 1)],
            "mouth": clip["mouth"][k],
        }
        if self.options.motion_own:  # all that the motion frame is drawn from
            before = max(k - 1, 0)
            example["motion_motion"] = clip["frames"][max(k - 2, 0)]
            example["motion_audio"] = clip["audio"][np.clip(before + around, 0, n - 1)]
            if "landmarks" in clip:
                example["motion_landmarks"] = clip["landmarks"][before]
        if "eyes" in clip:
            example["eyes"] = clip["eyes"][k]
        if "landmarks" in clip:
            example["landmarks"] = clip["landmarks"][k]
        return example

    # -- losses -----------------------------------------------------------------------------------

    def loss(self, phase: str, batch: Mapping[str, Tensor]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """MSE of what the network predicts, weighted in the boxes of mouth and eyes; MSE and lip loss for
        the log."""
        code = self._heard(batch)
        if phase == "predictor":
            error = self._landmark_error(batch, code.detach())
            return error, {"landmark_error": error.detach() / 2}
        t = torch.randint(TRAINING_STEPS, (len(code),)).to(code.device)
        squared, mouth = self._squared(batch, code, t, training=True)
        weight = 1 + (self.options.mouth_weight - 1) * mouth
        if "eyes" in batch:
            eyes = mouth_mask(batch["eyes"], self.size).amax(dim=1)
            weight = weight.maximum(1 + (self.options.eye_weight - 1) * eyes)
        return (weight * squared).mean(), _losses(squared.detach(), mouth)

    def _heard(self, batch: Mapping[str, Tensor], name: str = "audio") -> Tensor:
        """[B, 5 * code] of the frame and its neighbours."""
        vectors = batch[name] if self.denoiser.frozen else self.denoiser.code(batch[name])
        return vectors.flatten(1)

    def _squared(
        self, batch: Mapping[str, Tensor], code: Tensor, t: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Squared error [B, 3, H, W], and the mouth's mask [B, 1, H, W]."""
        image, identity, motion = (to_network(batch[k]) for k in ("frame", "identity", "motion"))
        noise = torch.randn(image.shape).to(image.device)
        if training and self.options.motion_own:
            motion = self._own(batch, identity, motion, noise)
        motion, said = self._disturbed(motion, training)
        signals = {"audio": code, **said}
        if "landmarks" in batch:
            signals["landmarks"] = batch["landmarks"]
        embedded = self.denoiser.unet.embedded(signals)
        if training and self.options.landmark_dropout and "landmarks" in batch:
            kept = torch.rand(len(image), 1) >= self.options.landmark_dropout
            embedded["landmarks"] = embedded["landmarks"] * kept.to(image.device)
        stills = torch.cat((identity, motion), dim=1)
        output = self.denoiser(self.diffusion.noisy(image, noise, t), t, stills, embedded)
        squared = (output.float() - self.diffusion.target(image, noise, t)).square()
        return squared, mouth_mask(batch["mouth"], self.size)

    def _disturbed(self, motion: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Motion frames with noise, and the signal that says how much; validation disturbs as sampling does.

        Conditioning augmentation of Ho et al., Cascaded Diffusion Models (2021), section 4.2: the model
        learns not to trust what it drew itself.
        """
        device, n = motion.device, len(motion)
        at_test = self.options.motion_level
        spread = torch.full((n, 1, 1, 1), 0.0 if at_test == "none" else at_test)
        kept = torch.full((n, 1, 1, 1), float(at_test != "none"))
        if training:
            spread, kept = torch.zeros(n, 1, 1, 1), torch.ones(n, 1, 1, 1)
            if self.options.motion_noise:
                spread = torch.rand(n, 1, 1, 1) * self.options.motion_noise
        if spread.any():
            motion = motion + (spread * torch.randn(motion.shape)).to(device)
        if training and self.options.motion_dropout:
            kept = (torch.rand(n, 1, 1, 1) >= self.options.motion_dropout).float()
        if not self._a.motion_signal:
            return motion, {}
        there, none = (
            torch.stack((spread.flatten(), torch.zeros(n)), dim=1),
            torch.tensor(NO_MOTION),
        )
        said = torch.where(kept.flatten(1) > 0, there, none).to(device)
        return motion * kept.to(device), {"motion": said}

    @torch.no_grad()
    def _own(
        self, batch: Mapping[str, Tensor], identity: Tensor, motion: Tensor, noise: Tensor
    ) -> Tensor:
        """Motion frames of which a share is drawn by the model, from what came before them, beginning with
        noise that is correlated with the frame's own as in sampling (`frame_noise`)."""
        chosen = torch.rand(len(motion)) < self.options.motion_own
        if not chosen.any():
            return motion
        device = motion.device
        rows = {k: v[chosen.to(device)] for k, v in batch.items()}
        before, said = self._disturbed(to_network(rows["motion_motion"]), training=True)
        signals = {"audio": self._heard(rows, "motion_audio"), **said}
        if "motion_landmarks" in rows:
            signals["landmarks"] = rows["motion_landmarks"]
        embedded = self.denoiser.unet.embedded(signals)
        stills = torch.cat((identity[chosen.to(device)], before), dim=1)
        rho = self.options.correlation
        x = rho * noise[chosen.to(device)] + (1 - rho**2) ** 0.5 * torch.randn(before.shape).to(
            device
        )
        for step in steps_back(OWN_STEPS, eta=0):
            t = torch.full((len(x),), step.t, device=device)
            output = self.denoiser(x, t, stills, embedded).float()
            x = step.back(x, step.image(x, output, self._a.predicts), None)
        drawn = motion.clone()
        drawn[chosen.to(device)] = x.clamp(-1, 1)
        return drawn

    def _landmark_error(self, batch: Mapping[str, Tensor], code: Tensor) -> Tensor:
        predicted = self.networks["predictor"](to_network(batch["identity"]), code)
        return (predicted - batch["landmarks"]).abs().mean()

    def validate(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        code = self._heard(batch)
        found: dict[str, Tensor] = {}
        width = TRAINING_STEPS // STRATA
        for part in range(STRATA):
            t = part * width + torch.randint(width, (len(code),)).to(code.device)
            for name, value in _losses(*self._squared(batch, code, t, training=False)).items():
                found[name] = found.get(name, torch.zeros_like(value)) + value / STRATA
        if "landmarks" in batch:
            found["landmark_error"] = self._landmark_error(batch, code) / 2
        return found


def _losses(squared: Tensor, mouth: Tensor) -> dict[str, Tensor]:
    """Mean over all pixels, and over those of the mouth's box (the lip loss)."""
    area = mouth.sum().clamp_min(1) * squared.shape[1]
    return {"mse": squared.mean(), "lip": (squared * mouth).sum() / area}
