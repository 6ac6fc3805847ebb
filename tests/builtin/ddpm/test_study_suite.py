"""The study's experiments on puppets: the suite's systems hang together, the page leaves nothing out."""

from __future__ import annotations

from paths import ROOT
from thbench.plugins.discovery import registry
from thbench.suite import Suite, find_suite, load_suite


def suite() -> Suite:
    return load_suite(find_suite("study_puppets"), registry(), ())


def test_each_experiment_changes_one_thing() -> None:
    options = {s.name: s.part.options for s in suite().systems if s.part is not None}
    one, two = options["lip-1.0"], options["lip-1.2"]
    assert (one.mouth_weight, two.mouth_weight) == (1.0, 1.2)
    assert (one.architecture, one.training) == (two.architecture, two.training)
    tuned = options["tuned-128"]
    assert tuned.architecture == two.architecture
    assert tuned.init_from == two.checkpoint
    assert options["landmarks-128"].architecture.landmarks
    assert [options[f"ddpm-{n}"].steps for n in (20, 50, 100)] == [20, 50, 100]


def test_checkpoints_lie_where_training_puts_them() -> None:
    runs = ROOT / "runs" / "train" / "study_puppets"
    trained = [s for s in suite().systems if s.part is not None and s.part.options.checkpoint]
    assert len(trained) == 4
    for system in trained:
        assert system.part is not None
        file = system.part.options.checkpoint
        assert file.resolve() == runs / system.name / "best.safetensors"


def test_the_page_names_every_table_and_figure_of_the_study() -> None:
    page = (ROOT / "docs" / "study.md").read_text(encoding="utf-8").lower()
    assert all(f"table {n}" in page or f"tables {n}" in page for n in (1, 2, 3, 5))
    for n in (1, 2, 4, 7, 8, 9, 10, 11, 13):
        assert f"figure {n}" in page or f"figures {n}" in page
