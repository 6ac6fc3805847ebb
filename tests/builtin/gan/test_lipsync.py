"""The shipped model against the still identity frame: does the mouth move with the speech? Slow.

python -m pytest -m long -s tests/builtin/gan/test_lipsync.py
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from thbench.engines.local import LocalEngine
from thbench.environment import Settings
from thbench.pipeline import run_generate, run_score
from thbench.plugins.discovery import registry
from thbench.run.plan import job_for
from thbench.statistics.paired import Comparison, paired_difference
from thbench.suite import find_suite, load_suite
from thbench.suite.split import split_of

CONFIDENCE = "syncnet.confidence@puppet-v1"


def column(folder: Path, name: str) -> dict[str, float]:
    with (folder / "clips.csv").open() as text:
        return {row["clip"]: float(row[name]) for row in csv.DictReader(text)}


def compared(run: Path) -> tuple[Comparison, int]:
    """AV confidence of the GAN minus that of the still frame on the same clips, and the number of actors."""
    suite = load_suite(find_suite("puppet_models"), registry(), ["limits.clips_per_actor=2"])
    suite = suite.only(["gan", "still-identity"])
    settings = Settings()
    split = split_of(suite, settings)
    job = job_for(suite, run, settings)
    with job.run.locked():
        run_generate(job, split, LocalEngine(1))
        run_score(job, split, LocalEngine(1))
    actors = {clip.id: clip.actor for clip in split.clips}
    still = column(job.run.control(64, "still-identity").path, CONFIDENCE)
    found = paired_difference(column(job.run.system("gan").path, CONFIDENCE), still, actors)
    return found, len(set(actors.values()))


@pytest.mark.long
def test_the_mouth_moves_with_the_speech(tmp_path: Path) -> None:
    comparison, n_actors = compared(tmp_path)
    print(comparison)
    assert n_actors >= 8
    assert comparison.only_a == comparison.only_b == ()
    assert comparison.difference.contains(0.0) is False
    assert comparison.difference.estimate > 0
    assert comparison.test is not None
    assert comparison.test.p_value < 0.05
