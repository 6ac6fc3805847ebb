"""Any torchmetrics class over pairs of pictures as a metric."""

from __future__ import annotations

import difflib
import inspect

import numpy as np
import torch
import torchmetrics
import torchmetrics.image
import torchmetrics.regression
from numpy.typing import NDArray

from thbench.api import Better, ClipFailure, Score, UserError
from thbench_similarity import TorchmetricsOptions
from thbench_similarity.metric import FrameMetric
from thbench_similarity.picture import as_tensor

__all__ = ["picture_classes", "torchmetrics_class", "torchmetrics_metric"]

_SCALES = {"0..255": (1.0, 0.0, 255.0), "0..1": (1 / 255, 0.0, 1.0), "-1..1": (2 / 255, -1.0, 2.0)}
"""factor, offset and data_range of the pixel values handed on"""
_TWO_PICTURES = (("preds", "target"), ("preds", "targets"), ("img1", "img2"))


def picture_classes() -> list[str]:
    """Names worth suggesting: classes of torchmetrics.image and .regression over (preds, target)."""
    names = {*torchmetrics.image.__all__, *torchmetrics.regression.__all__}
    return sorted(n for n in names if _compares_two(_lookup(n)))


def torchmetrics_class(name: str) -> type[torchmetrics.Metric]:
    """The class by its name.

    Raises:
        UserError: no such class (with the nearest right name), or one that does not take two pictures.
    """
    found = _lookup(name)
    if found is None:
        near = difflib.get_close_matches(name, picture_classes(), n=1, cutoff=0.4)
        remedy = f"did you mean {near[0]}?" if near else "see torchmetrics.image for the names"
        raise UserError(f"torchmetrics has no class {name!r}", remedy)
    if not _compares_two(found):
        raise UserError(
            f"torchmetrics:{name} does not compare two pictures: its update takes "
            f"({', '.join(_required(found))})",
            f"choose one over (preds, target): {', '.join(torchmetrics.image.__all__[:4])}, ...",
        )
    return found


def torchmetrics_metric(options: TorchmetricsOptions, device: str = "cpu") -> FrameMetric:
    """The metric `torchmetrics:ClassName`: a fresh state for every frame, mean over frames and clips.

    Raises:
        UserError: unknown class, or arguments or a missing package its constructor complains of.
    """
    kind = torchmetrics_class(options.class_name)
    instance = _construct(kind, options)
    measure = _Measure(instance, options, device)
    return FrameMetric(
        options.class_name, _score(instance, options), measure, options.skip_identity
    )


class _Measure:
    """(generated, reference) to one number through update and compute of a torchmetrics object."""

    def __init__(
        self, metric: torchmetrics.Metric, options: TorchmetricsOptions, device: str
    ) -> None:
        self._dtype = torch.float64 if options.precision == "float64" else torch.float32
        # states default to float32 and would round float64 sums: set_dtype turns them as well
        self._metric = metric.set_dtype(self._dtype).to(device).eval()
        self._name, self._device = options.class_name, device
        self._factor, self._offset, _ = _SCALES[options.scale]

    def __call__(self, generated: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        self._metric.reset()
        try:
            self._metric.update(self._tensor(generated), self._tensor(reference))
            value = self._metric.compute()
        except (ValueError, RuntimeError, IndexError, TypeError) as error:
            raise ClipFailure(f"{self._name}: {error}") from error
        return self._number(value)

    def _tensor(self, frame: NDArray[np.uint8]) -> torch.Tensor:
        return as_tensor(frame, self._dtype).to(self._device) * self._factor + self._offset

    def _number(self, value: object) -> float:
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ClipFailure(f"{self._name} gives more than one number per frame")
        number = float(value)
        if not np.isfinite(number):
            raise ClipFailure(f"{self._name} is {number} for a frame: identical to the reference?")
        return number


def _lookup(name: str) -> type[torchmetrics.Metric] | None:
    for module in (torchmetrics.image, torchmetrics.regression, torchmetrics):
        found = getattr(module, name, None)
        if inspect.isclass(found) and issubclass(found, torchmetrics.Metric):
            return found
    return None


def _required(kind: type[torchmetrics.Metric]) -> list[str]:
    parameters = list(inspect.signature(kind.update).parameters.values())[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name for p in parameters if p.default is inspect.Parameter.empty and p.kind in positional
    ]


def _compares_two(kind: type[torchmetrics.Metric] | None) -> bool:
    return kind is not None and tuple(_required(kind)) in _TWO_PICTURES


def _construct(
    kind: type[torchmetrics.Metric], options: TorchmetricsOptions
) -> torchmetrics.Metric:
    arguments = dict(options.arguments)
    if "data_range" in inspect.signature(kind.__init__).parameters:
        arguments.setdefault("data_range", _SCALES[options.scale][2])
    try:
        return kind(**arguments)
    except (TypeError, ValueError, ModuleNotFoundError) as error:
        raise UserError(
            f"torchmetrics:{options.class_name}: {error}", "see its constructor's documentation"
        ) from error


def _score(metric: torchmetrics.Metric, options: TorchmetricsOptions) -> Score:
    directions: dict[bool | None, Better] = {True: "higher", False: "lower"}
    given = "".join(f", {k}={v}" for k, v in sorted(options.arguments.items()))
    return Score(
        better=directions.get(metric.higher_is_better, "nearer-reference"),
        description=(
            f"{options.class_name} of torchmetrics per frame against the reference's, mean over "
            f"frames; pixel values {options.scale}, {options.precision}{given}."
        ),
        source=f"torchmetrics {torchmetrics.__version__}",
        formula=f"torchmetrics.{options.class_name}; see its documentation",
        biases="not examined here: those of the class, which thbench only calls",
    )
