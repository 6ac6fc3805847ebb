"""Networks as ONNX files, written by hand: a linear one of means of 16 x 16 pixels, and a detector of red squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["linear_features", "matrix", "write_detector", "write_linear"]

SIDE, CELL = 112, 16
INPUTS = 3 * (SIDE // CELL) ** 2


def matrix(features: int, seed: int = 1) -> NDArray[np.float32]:
    """[features, 147]"""
    return np.random.default_rng(seed).normal(size=(features, INPUTS)).astype(np.float32)


def linear_features(
    crop: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """[features] of a [112, 112, 3] picture, in float64: what the file computes."""
    n = SIDE // CELL
    means = crop.astype(np.float64).reshape(n, CELL, n, CELL, 3).mean(axis=(1, 3))
    return weights.astype(np.float64) @ means.transpose(2, 0, 1).ravel()


def write_linear(path: Path, weights: NDArray[np.float32]) -> Path:
    """[1, 3, 112, 112] -> AveragePool -> Flatten -> MatMul -> [1, features]."""
    nodes = [
        _node("AveragePool", ["x"], "p", [_ints("kernel_shape", [CELL, CELL]), _ints("strides", [CELL, CELL])]),
        _node("Flatten", ["p"], "f", [_int("axis", 1)]),
        _node("MatMul", ["f", "w"], "y", []),
    ]  # fmt: skip
    graph = b"".join(_bytes(1, n) for n in nodes) + _bytes(2, b"g")
    graph += _bytes(5, _tensor("w", weights.T.copy()))
    graph += _bytes(11, _value("x", [1, 3, SIDE, SIDE])) + _bytes(
        12, _value("y", [1, len(weights)])
    )
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 11)))
    return path


def write_detector(path: Path, points: NDArray[np.float32]) -> Path:
    """A network with YuNet's twelve outputs that takes a red square of 32 x 32 pixels on its grid for a face.

    [1, 3, H, W] BGR 0..255 -> for each stride of 8, 16, 32: cls, obj [1, cells, 1], bbox [1, cells, 4], kps
    [1, cells, 10]. The class of a cell of 32 pixels is its mean red over 255, its object is 1, its box the cell, its
    points `points` [5, 2] in shares of the cell; cells of 8 and 16 pixels see nothing.
    """
    nodes, outputs, tensors = list[bytes](), list[bytes](), list[bytes]()
    middle = np.array([0.5, 0.5, 0.0, 0.0], np.float32)
    red = np.array([[0, 0, 1 / 255]], np.float32)
    kinds = ("cls", "obj", "bbox", "kps")
    for stride in (8, 16, 32):
        shown = stride == 32
        pool = [_ints("kernel_shape", [stride, stride]), _ints("strides", [stride, stride])]
        nodes.append(_node("AveragePool", ["input"], f"mean{stride}", pool))
        biases = dict(zip(kinds, (np.zeros(1), np.ones(1), middle, points.ravel()), strict=True))
        for kind in kinds:
            bias = biases[kind].astype(np.float32)
            weights = red if kind == "cls" and shown else np.zeros((len(bias), 3), np.float32)
            name = f"{kind}_{stride}"
            tensors += [
                _tensor(f"w_{name}", weights.reshape(len(bias), 3, 1, 1)),
                _tensor(f"b_{name}", bias),
                _whole(f"s_{name}", [1, -1, len(bias)]),
            ]
            given = [f"mean{stride}", f"w_{name}", f"b_{name}"]
            nodes += [
                _node("Conv", given, f"c_{name}", [_ints("kernel_shape", [1, 1])]),
                _node("Transpose", [f"c_{name}"], f"t_{name}", [_ints("perm", [0, 2, 3, 1])]),
                _node("Reshape", [f"t_{name}", f"s_{name}"], name, []),
            ]
    for kind in kinds:
        for stride in (8, 16, 32):
            width = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}[kind]
            outputs.append(_value(f"{kind}_{stride}", [1, (640 // stride) ** 2, width]))
    graph = b"".join(_bytes(1, n) for n in nodes) + _bytes(2, b"g")
    graph += b"".join(_bytes(5, t) for t in tensors) + _bytes(11, _value("input", [1, 3, 640, 640]))
    graph += b"".join(_bytes(12, o) for o in outputs)
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 11)))
    return path


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(kind: str, inputs: list[str], output: str, attributes: list[bytes]) -> bytes:
    parts = [_bytes(1, name.encode()) for name in inputs]
    parts += [_bytes(2, output.encode()), _bytes(3, kind.encode()), _bytes(4, kind.encode())]
    return b"".join(parts + [_bytes(5, a) for a in attributes])


def _int(name: str, value: int) -> bytes:
    return _bytes(1, name.encode()) + _number(3, value) + _number(20, 2)


def _ints(name: str, values: list[int]) -> bytes:
    return _bytes(1, name.encode()) + b"".join(_number(8, v) for v in values) + _number(20, 7)


def _tensor(name: str, array: NDArray[np.float32]) -> bytes:
    dims = b"".join(_number(1, n) for n in array.shape)
    return (
        dims + _number(2, 1) + _bytes(8, name.encode()) + _bytes(9, array.astype("<f4").tobytes())
    )


def _whole(name: str, values: list[int]) -> bytes:
    """A one-dimensional tensor of int64."""
    data = np.array(values, "<i8").tobytes()
    return _number(1, len(values)) + _number(2, 7) + _bytes(8, name.encode()) + _bytes(9, data)


def _value(name: str, shape: list[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, n)) for n in shape)
    tensor = _number(1, 1) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
