"""puppet_steady: each training goes on where the one before it ends."""

from __future__ import annotations

from thbench.plugins.discovery import registry
from thbench.suite import find_suite, load_suite


def test_each_training_starts_from_the_one_before() -> None:
    suite = load_suite(find_suite("puppet_steady"), registry(), ())
    forgiving, bent = (s.part.options for s in suite.systems if s.part is not None)
    models = load_suite(find_suite("puppet_models"), registry(), ())
    first = next(s.part.options for s in models.systems if s.name == "ddpm" and s.part is not None)
    assert bent.init_from == forgiving.checkpoint
    assert forgiving.init_from.parts[-4:] == ("train", "puppet_models", "ddpm", "best.safetensors")
    assert forgiving.architecture.described() == {
        **first.architecture.described(),
        "motion_signal": True,
    }
    assert bent.architecture.described() == {
        **forgiving.architecture.described(),
        "output": "identity",
    }
    assert (bent.motion_level, bent.correlation, bent.motion_dropout) == ("none", 0.95, 0.7)
