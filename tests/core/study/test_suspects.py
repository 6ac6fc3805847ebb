"""Whom the agreement with the others calls reversed, or no better than chance."""

from __future__ import annotations

import pytest

from thbench.study.document import Vote
from thbench.study.suspects import agreements


def suspect(agreed: int, compared: int) -> tuple[float | None, str]:
    """Of one rater, beside ten who always choose the first of two."""
    votes = {f"other{r}": [_vote(r, 0) for _ in range(compared)] for r in range(10)} | {
        "mine": [_vote(10, 0 if i < agreed else 2) for i in range(compared)]
    }
    found = agreements("2afc", votes, list(votes))["mine"]
    assert found.compared == compared
    return found.share, found.suspect


def _vote(rater: int, outcome: int) -> Vote:
    return Vote(question="sync", rater=rater, clip="c", first=0, second=1, outcome=outcome)


@pytest.mark.parametrize(
    ("agreed", "compared", "said"),
    [
        (0, 7, ""),
        (0, 8, "reversed: against the others"),
        (10, 19, ""),  # an honest rater may have that few by bad luck
        (10, 20, "no better than chance"),
        (14, 20, "no better than chance"),  # binomial: 14 or more of 20 in 5.8 %
        (15, 20, ""),  # 2.1 %
        (2, 20, "reversed: against the others"),
    ],
)
def test_what_is_said_of_a_rater(agreed: int, compared: int, said: str) -> None:
    share, found = suspect(agreed, compared)
    assert found == said
    assert share == (None if compared < 8 else agreed / compared)
