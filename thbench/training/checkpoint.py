"""Weights as safetensors whose header carries their description (JSON): one file, whole or absent.

A copy of the description stands next to it as .json for people; only the header is read. Everything
that can be wrong with a file is found here and said in one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from thbench.api import TrainedOn, UserError
from thbench.files.atomic import atomic_write, printable
from thbench.files.foreign import json_of, reading

if TYPE_CHECKING:
    from torch import Tensor, nn

Architecture = TypeVar("Architecture")

FORMAT = "thbench-checkpoint"
SCHEMA = 1
_KEY = "thbench"
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_REMEDY = "give a checkpoint that `thbench train` wrote"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by `network/parameter`, and what they are. `about` is described in docs/training.md."""

    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]
    path: Path

    @property
    def trained_on(self) -> TrainedOn | None:
        """Training actors; None (unknown) where a frozen part was trained on unknown data."""
        seen = self.about["trained_on"]
        if "unknown" in self.about["pretrained"].values():
            return None
        return TrainedOn(str(seen["dataset"]), frozenset(str(a) for a in seen["actors"]))


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Equal contents give equal bytes. Raises UserError where the disk is full or closed."""
    from safetensors.torch import save

    described = json.dumps({"format": FORMAT, "schema": SCHEMA, **about}, sort_keys=True)
    flat = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    atomic_write(path, save(flat, {_KEY: described}))
    readable = json.dumps(json.loads(described), sort_keys=True, indent=1) + "\n"
    atomic_write(path.with_suffix(".json"), readable)


def read_checkpoint(path: Path, generator: str) -> Checkpoint:
    """Read and check a file for the generator of this name.

    Raises UserError for a file that is absent, a pickle, damaged, without description, of another
    generator or a newer thbench, or that holds a weight which is not finite.
    """
    from safetensors import SafetensorError, safe_open

    shown = printable(path)
    _refuse_pickle(path, shown)
    with reading(f"checkpoint {shown}", _REMEDY):
        try:
            with safe_open(str(path), framework="pt") as file:
                text = (file.metadata() or {}).get(_KEY)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"checkpoint {shown} is damaged or cut off ({reason})", _REMEDY
            ) from error
    about = _description(text, shown)
    _check_description(about, shown, generator)
    _check_finite(tensors, shown)
    return Checkpoint(tensors, about, path)


def _refuse_pickle(path: Path, shown: str) -> None:
    with reading(path, _REMEDY), path.open("rb") as file:
        start = file.read(4)
    if start.startswith(_PICKLES):
        raise UserError(
            f"checkpoint {shown} is a pickle, which can run any code; it was not opened", _REMEDY
        )


def _description(text: str | None, shown: str) -> dict[str, Any]:
    about = None
    with suppress(UserError):
        about = json_of(text or "", shown)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"checkpoint {shown} does not say what it is", _REMEDY)
    return about


_NEEDED = {"architecture": dict, "trained_on": dict, "pretrained": dict, "size": int, "step": int}


def _check_description(about: Mapping[str, Any], shown: str, generator: str) -> None:
    if about.get("schema") != SCHEMA:
        found = about.get("schema")
        raise UserError(
            f"checkpoint {shown} has schema {found!r}, this thbench reads {SCHEMA}",
            "upgrade thbench",
        )
    if about.get("generator") != generator:
        raise UserError(
            f"checkpoint {shown} is of generator '{about.get('generator')}', not '{generator}'",
            "check the path",
        )
    for key, kind in _NEEDED.items():
        if not isinstance(about.get(key), kind):
            raise UserError(f"checkpoint {shown}: its description lacks '{key}'", _REMEDY)
    seen = about["trained_on"]
    if not isinstance(seen.get("dataset"), str) or not isinstance(seen.get("actors"), list):
        raise UserError(f"checkpoint {shown} does not say what it was trained on", _REMEDY)


def _check_finite(tensors: Mapping[str, Tensor], shown: str) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UserError(
                f"checkpoint {shown}: {name} holds NaN or infinity",
                "the training diverged: take an earlier checkpoint or lower the learning rate",
            )


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """`key (wanted 1, has 2)` for every key that differs."""
    keys = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
    return [f"{k} (wanted {wanted.get(k)!r}, has {found.get(k)!r})" for k in keys]


def architecture_of(checkpoint: Checkpoint, kind: type[Architecture]) -> Architecture:
    """What the checkpoint says of its network, as the generator's dataclass.

    A knob that it does not name was added since, and has its default, which leaves the network as it was.
    Raises UserError where it names one that is unknown here.
    """
    about: dict[str, Any] = dict(checkpoint.about["architecture"])
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if odd := ", ".join(sorted(set(about) - known)):
        raise UserError(
            f"checkpoint {printable(checkpoint.path)} describes another kind of network ({odd})",
            "train it anew, or use the thbench that made it",
        )
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in about.items()})
    except ValueError as error:
        raise UserError(f"checkpoint {printable(checkpoint.path)}: {error}", _REMEDY) from None


def check_architecture(checkpoint: Checkpoint, wanted: Mapping[str, Any]) -> None:
    """Raises UserError naming every value that differs."""
    if differs := differing(wanted, checkpoint.about["architecture"]):
        raise UserError(
            f"checkpoint {printable(checkpoint.path)} has another architecture: {', '.join(differs)}",
            "leave `architecture` out to take the checkpoint's own, or give another checkpoint",
        )


def take_over(
    start: Checkpoint, networks: Mapping[str, nn.Module], architecture: Mapping[str, Any]
) -> dict[str, str | TrainedOn]:
    """Put the weights that a training starts from into its networks; what its `pretrained` then says.

    Raises UserError where the architecture or the weights do not fit.
    """
    check_architecture(start, architecture)
    for name, network in networks.items():
        load_network(network, name, start)
    return {"init_from": start.trained_on or "unknown"}


def load_network(network: nn.Module, name: str, checkpoint: Checkpoint) -> None:
    """Put the weights of `name/...` into the network. Raises UserError where they do not fit."""
    own = {
        k.partition("/")[2]: v for k, v in checkpoint.tensors.items() if k.startswith(f"{name}/")
    }
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"checkpoint {printable(checkpoint.path)}: weights of '{name}' do not fit: {reason}",
            _REMEDY,
        ) from error
