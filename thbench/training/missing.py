"""What a generator's plugin says when a checkpoint is not there. Imports nothing heavy."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from thbench.api import Missing

TRAININGS = ("runs", "train")
"""`thbench train SUITE SYSTEM` writes to runs/train/SUITE/SYSTEM."""


def missing_checkpoint(file: Path | None) -> Sequence[Missing]:
    """Nothing where the file is there or none is asked for; else the training that writes it."""
    if file is None or file.is_file():
        return ()
    folder = Path(os.path.normpath(file.absolute())).parent
    *before, suite, system = ("SUITE", "SYSTEM", *folder.parts)
    if tuple(before[-2:]) != TRAININGS:
        suite, system = "SUITE", "SYSTEM"
    command = shlex.join(["thbench", "train", suite, system, "--out", str(folder)])
    return (
        Missing(f"checkpoint {folder / file.name}, which is not published; train it with", command),
    )
