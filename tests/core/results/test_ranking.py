"""Who may be ranked: complete systems that see no target and were not trained on the test actors."""

from __future__ import annotations

from typing import Any

import pytest

from thbench.results.document import ClipsRecord, Reason, SystemRecord, TrainedOnRecord
from thbench.results.ranking import remarks, why_unranked, wrong_training

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


def misframed(count: int) -> ClipsRecord:
    return clips().model_copy(
        update={
            "n": 100,
            "generated": 100,
            "misframed": (Reason(reason="enlarged", count=count, clips=("x", "y")),),
        }
    )


def test_a_tenth_of_the_clips_may_be_framed_otherwise() -> None:
    assert why_unranked("toy", ACTORS, system(), misframed(10)) == []
    assert why_unranked("toy", ACTORS, system(), misframed(11)) == [
        "11 of 100 clips are framed unlike their reference"
    ]
    assert remarks(misframed(3)) == [
        "3 of 100 clips framed unlike their reference (framing.csv), e.g. x: enlarged"
    ]


def test_one_video_of_fifty_may_resemble_the_truth() -> None:
    copied = clips().model_copy(update={"n": 50, "copies": ("a",)})
    assert why_unranked("toy", ACTORS, system(), copied) == []
    copied = copied.model_copy(update={"copies": ("a", "b")})
    assert why_unranked("toy", ACTORS, system(), copied)[0].startswith("2 of 50 videos are copies")


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (TrainedOnRecord(dataset="toy", actors=("1001",)), None),
        (TrainedOnRecord(dataset="TOY ", actors=(" 1001",)), None),
        (TrainedOnRecord(dataset="toy", actors=("1001", "7")), "'7', which toy does not have"),
        (TrainedOnRecord(dataset="none", actors=()), None),
        (TrainedOnRecord(dataset="puppet", actors=()), None),
        (TrainedOnRecord(dataset="other:vox", actors=()), None),
        (TrainedOnRecord(dataset="other:toy", actors=()), "no installed dataset"),
        (TrainedOnRecord(dataset="vox", actors=()), "no installed dataset"),
    ],
)
def test_declarations_that_cannot_be_checked(declared: TrainedOnRecord, words: str | None) -> None:
    said = wrong_training(declared, "toy", ACTORS, ["toy", "puppet"])
    assert said is None if words is None else words in str(said)
