"""The whole state of a training: networks, optimisers, averaged weights, loss scale.

There is no state of random generators: every step seeds its own from (seed, step).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from thbench.training.contract import Phase, Trainer

Tensors = dict[str, Tensor]


def seed_step(seed: int, step: int, part: int) -> None:
    """Seed torch's global generators from (seed, step, part)."""
    text = f"{seed}/{step}/{part}".encode()
    torch.manual_seed(int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1)


class Averaged:
    """Exponentially averaged weights; early ones count for less, as the first steps are the worst.

    decay at step s = min(decay, (1 + s) / (10 + s)). Buffers are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: Tensors = {k: v.detach().clone() for k, v in network.state_dict().items()}
        self._learned = {name for name, _ in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if name in self._learned:
                self.values[name].lerp_(value, 1 - decay)
            else:
                self.values[name].copy_(value)


class State:
    """Everything that changes while a training goes on."""

    def __init__(self, trainer: Trainer, ema: float, scaled: bool, device: str) -> None:
        self.step = 0
        self.best: dict[str, Any] | None = None
        self.trainer = trainer
        self.learned = {
            phase.name: [p for p in trainer.networks[phase.network].parameters() if p.requires_grad]
            for phase in trainer.phases
        }
        self.optimisers = {p.name: _optimiser(p, self.learned[p.name]) for p in trainer.phases}
        kept = trainer.published if ema else ()
        self.averaged = {name: Averaged(trainer.networks[name], ema) for name in kept}
        self.scaler = torch.amp.GradScaler(device.partition(":")[0], enabled=scaled)

    def published(self) -> Tensors:
        """The weights a generator would use now: averaged ones where there are any."""
        found: Tensors = {}
        for name in self.trainer.published:
            averaged = self.averaged.get(name)
            values = averaged.values if averaged else self.trainer.networks[name].state_dict()
            found |= {f"{name}/{key}": value for key, value in values.items()}
        return found

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Networks in evaluation mode holding the published weights; afterwards as they were."""
        networks = self.trainer.networks
        own = {n: _copy(networks[n]) for n in self.averaged}
        try:
            for name, averaged in self.averaged.items():
                networks[name].load_state_dict(averaged.values)
            for network in networks.values():
                network.eval()
            yield
        finally:
            for name, values in own.items():
                networks[name].load_state_dict(values)
            for network in networks.values():
                network.train()

    def pack(self) -> Tensors:
        """All of it as tensors by name."""
        packed: Tensors = {}
        for name, network in self.trainer.networks.items():
            packed |= {f"network/{name}/{k}": v for k, v in network.state_dict().items()}
        for name, averaged in self.averaged.items():
            packed |= {f"averaged/{name}/{k}": v for k, v in averaged.values.items()}
        for name, optimiser in self.optimisers.items():
            for i, slots in optimiser.state_dict()["state"].items():
                packed |= {
                    f"optimiser/{name}/{i}/{k}": torch.as_tensor(v) for k, v in slots.items()
                }
        packed |= {
            f"scaler/{k}": torch.tensor(float(v), dtype=torch.float64)
            for k, v in self.scaler.state_dict().items()
        }
        return packed

    def unpack(self, packed: Mapping[str, Tensor]) -> None:
        """The inverse of `pack`. Raises RuntimeError or KeyError where it does not fit."""
        for name, network in self.trainer.networks.items():
            network.load_state_dict(_under(packed, f"network/{name}/"))
        for name, averaged in self.averaged.items():
            for key, value in _under(packed, f"averaged/{name}/").items():
                averaged.values[key].copy_(value)
        for name, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for key, value in _under(packed, f"optimiser/{name}/").items():
                index, _, slot = key.partition("/")
                slots.setdefault(int(index), {})[slot] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        scaler = {k: v.item() for k, v in _under(packed, "scaler/").items()}
        if scaler:
            whole = {"growth_interval", "_growth_tracker"}
            self.scaler.load_state_dict({k: int(v) if k in whole else v for k, v in scaler.items()})


def _optimiser(phase: Phase, learned: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if phase.weight_decay else torch.optim.Adam
    return kind(learned, lr=phase.learning_rate, betas=phase.betas, weight_decay=phase.weight_decay)


def _copy(network: nn.Module) -> Tensors:
    return {k: v.detach().clone() for k, v in network.state_dict().items()}


def _under(packed: Mapping[str, Tensor], prefix: str) -> Tensors:
    return {k.removeprefix(prefix): v for k, v in packed.items() if k.startswith(prefix)}
