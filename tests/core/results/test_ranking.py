"""Who may be ranked: complete systems that see no target and were not trained on the test actors."""

from __future__ import annotations

from typing import Any

import pytest

from thbench.results.document import ClipsRecord, SystemRecord, TrainedOnRecord
from thbench.results.ranking import why_unranked

ACTORS = ("1001", "1002", "1003")


def clips(failed: int = 0) -> ClipsRecord:
    return ClipsRecord(
        n=9, generated=9 - failed, failed=failed, table_sha256="0" * 64, videos_digest="0" * 64
    )


def system(**change: Any) -> SystemRecord:
    return SystemRecord(name="s", kind="system", resolution=32, **change)


def trained(dataset: str, *actors: str) -> SystemRecord:
    return system(trained_on=TrainedOnRecord(dataset=dataset, actors=actors))


@pytest.mark.parametrize(
    "entrant",
    [system(), trained("toy"), trained("toy", "2001"), trained("another", "1001", "1002")],
    ids=["unknown", "nobody", "others", "the same names in another dataset"],
)
def test_these_may_be_ranked(entrant: SystemRecord) -> None:
    assert why_unranked("toy", ACTORS, entrant, clips()) == []


@pytest.mark.parametrize(
    ("entrant", "failed", "reasons"),
    [
        (system(), 1, ["1 of 9 clips failed"]),
        (system(oracle=("landmarks", "pose")), 0, ["sees the target's landmarks, pose"]),
        (trained("toy", "1003", "2001", "1001"), 0, ["trained on test actors 1001, 1003"]),
        (
            system(oracle=("pose",), trained_on=TrainedOnRecord(dataset="toy", actors=("1002",))),
            9,
            ["9 of 9 clips failed", "sees the target's pose", "trained on test actors 1002"],
        ),
    ],
)
def test_every_reason_is_given(entrant: SystemRecord, failed: int, reasons: list[str]) -> None:
    assert why_unranked("toy", ACTORS, entrant, clips(failed)) == reasons
