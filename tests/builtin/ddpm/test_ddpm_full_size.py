"""The paper's network at its full size, from a file to a frame."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from denoisers import checkpoint, context, request
from thbench.api import Generated
from thbench_ddpm.generator import DdpmGenerator
from thbench_ddpm.options import Architecture, Options

GIB = 2**30
STEPS = 2


def draw(folder: Path, steps: int) -> tuple[int, float, int]:
    """One frame of 64 px by the 64 px column with random weights, in a process of its own.

    Its UNet's parameters, the seconds that drawing took, and the most memory the process ever held, bytes.
    """
    import torch

    torch.set_num_threads(1)
    file = checkpoint(folder / "paper.safetensors", 64, **asdict(Architecture()))
    made = DdpmGenerator(Options(checkpoint=file, steps=steps), context(1))
    started = time.perf_counter()
    (answer,) = made.generate([request("a", 1, size=64)])
    seconds = time.perf_counter() - started
    assert isinstance(answer, Generated), answer
    assert answer.frames is not None
    assert answer.frames.shape == (1, 64, 64, 3)
    assert len(np.unique(answer.frames)) > 2
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return sum(p.numel() for p in made.denoiser.unet.parameters()), seconds, peak


@pytest.mark.long
def test_the_papers_network_draws_a_frame_within_24_gib(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        parameters, seconds, peak = pool.apply(draw, (tmp_path, STEPS))
    print(f"{STEPS} steps: {seconds:.1f} s, at most {peak / GIB:.2f} GiB")
    assert parameters == 294_172_419
    assert 1.09 * GIB < peak < 24 * GIB  # no less than its weights alone
