"""A linear face network as an ONNX file, written by hand: means of 16 x 16 pixels times a matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["linear_features", "matrix", "write_linear"]

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


def _value(name: str, shape: list[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, n)) for n in shape)
    tensor = _number(1, 1) + _bytes(2, dims)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
