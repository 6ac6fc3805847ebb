"""One row through all checks that were asked for, and the tier that it earns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import thbench
from thbench.api import Engine, UserError
from thbench.environment import Settings
from thbench.errors import in_one_line
from thbench.files.atomic import atomic_write, temporary_folder
from thbench.leaderboard.build import board_text, tables_of
from thbench.leaderboard.checks import problems, remarks
from thbench.leaderboard.fetch import fetch_videos
from thbench.leaderboard.ground import Ground, Places, ground_of
from thbench.leaderboard.page import page
from thbench.leaderboard.recompute_sets import NotComputed, sets_again
from thbench.leaderboard.rescore import Rescored, against, rescore
from thbench.leaderboard.store import (
    TIERS,
    CommittedRow,
    Tier,
    Verification,
    read_row,
    verified_file,
)
from thbench.results.document import Result
from thbench.results.finished import finished_rows


@dataclass(frozen=True)
class Wanted:
    """Which checks: of files alone, of videos in a folder or from the row's address, of another run."""

    places: Places = field(default_factory=Places)
    videos: Path | None = None
    fetch: bool = False
    fetch_features: bool = False
    sample: int | None = None
    seed: int = 0
    other: Path | None = None

    @property
    def of_videos(self) -> bool:
        return self.fetch or self.videos is not None


@dataclass(frozen=True)
class Finding:
    """What came of one row; `tier` is None where it has problems."""

    path: Path
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    tier: Tier | None = None
    verification: Verification | None = None


def verify(
    path: Path,
    root: Path,
    rows: list[CommittedRow],
    wanted: Wanted,
    settings: Settings,
    engine: Engine,
) -> Finding:
    """Verify one result document of the leaderboard at `root`; `rows` are all that could be read."""
    try:
        row = read_row(root, path)
        ground = ground_of(row, rows, wanted.places)
        found = problems(row, ground)
        said = list(remarks(row, ground))
        tier: Tier = (
            "rows-verified" if row.is_control or _is_pinned(row, ground) else "self-reported"
        )
        rescored, features = None, False
        if not found:
            found, features, note = _features(row, ground, wanted.fetch_features, settings)
            said += note
        if not found:
            found = list(unshowable(row, rows))
        if wanted.of_videos and not found:
            rescored = _videos(row, ground, wanted, settings, engine)
            found, tier = [*rescored.problems], "videos-verified"
        if wanted.other is not None and not found:
            found, tier = against(row, _other(row, wanted.other)), "reproduced"
    except UserError as error:
        return Finding(path, (str(error),))
    if found:
        return Finding(path, tuple(found), tuple(said))
    return Finding(path, (), tuple(said), tier, _record(row, tier, rescored, features))


def _is_pinned(row: CommittedRow, ground: Ground) -> bool:
    """Whether there are pinned controls in the table where the row stands."""
    return bool(ground.pins) and not ground.elsewhere(row)


def unshowable(row: CommittedRow, rows: list[CommittedRow]) -> Iterator[str]:
    """Why `build` could not show the row beside those of its suite: by making the page itself."""
    suite = row.result.suite.name
    others = [r for r in rows if r.path != row.path and r.result.suite.name == suite]
    try:
        tables = tables_of([*others, row])
        data = {"schema": 1, "measured": tables, "synthetic": [], "published": {}}
        board_text(data)
        page(data)
    except UserError as error:
        yield str(error)
    except Exception as error:  # whatever a document that everybody may write brings about
        yield f"cannot be shown: {in_one_line(error)}"


def _features(
    row: CommittedRow, ground: Ground, fetch: bool, settings: Settings
) -> tuple[list[str], bool, list[str]]:
    """Problems of set metrics, whether all were computed again, and a remark for the reader."""
    if row.is_control and row.features is None:
        return [], False, []  # pinned by maintainers; only the ground truth needs an archive
    scores = row.result.scores.items()
    own = sorted(c for c, s in scores if s.value is not None and s.over is None)
    sets = [c for c in own if row.result.scores[c].set_level]
    said, found, hold = [], [], False
    if sets:
        try:
            found = sets_again(row, ground, fetch, settings)
            hold = not found
            said.append(f"computed again from the feature archive: {', '.join(sets)}")
        except NotComputed as reason:
            said.append(f"set metrics are not computed again: {reason}")
    if rest := [c for c in own if not (hold and c in sets)]:
        said.append(f"not recomputed, self-reported: {', '.join(rest)}")
    return found, hold, said


def _videos(
    row: CommittedRow, ground: Ground, wanted: Wanted, settings: Settings, engine: Engine
) -> Rescored:
    with temporary_folder() as scratch:
        videos = wanted.videos
        if videos is None:
            videos = _fetched(row, scratch)
        return rescore(
            row, ground, videos, wanted.sample, wanted.seed, settings, engine, scratch / "run"
        )


def _fetched(row: CommittedRow, scratch: Path) -> Path:
    submission = row.result.submission
    if submission is None or submission.videos is None:
        raise UserError("the row names no videos", "give --videos DIR")
    return fetch_videos(submission.videos, scratch)


def _other(row: CommittedRow, run: Path) -> Result:
    system = row.result.system
    for other in finished_rows(run):
        if other.key == (system.name, system.kind, system.resolution):
            return other.result
    raise UserError(f"{run} has no {system.name} at {system.resolution} px", "another run")


def _record(
    row: CommittedRow, tier: Tier, rescored: Rescored | None, features: bool
) -> Verification:
    result_sha256, clips_sha256 = row.digests
    videos = (rescored.clips, rescored.of) if rescored else (0, 0)
    return Verification(
        result_sha256=result_sha256,
        clips_sha256=clips_sha256,
        tier=tier,
        videos=videos,
        sets=tier == "reproduced" or bool(rescored and rescored.sets),
        features=features,
        thbench=thbench.__version__,
    )


def record(finding: Finding, root: Path) -> Path | None:
    """Write down what was verified, next to the row; None where it has problems.

    What was recorded of the same bytes before still holds, and is kept.
    """
    new = finding.verification
    if new is None:
        return None
    file = verified_file(finding.path)
    old = read_row(root, finding.path).verification
    both = new if old is None else _both(old, new)
    if both != old:
        atomic_write(file, both.model_dump_json(indent=1) + "\n")
    return file


def _both(old: Verification, new: Verification) -> Verification:
    """All that two records of the same bytes say; the old one where the new says no more."""
    said = {
        "tier": max(old.tier, new.tier, key=TIERS.index),
        "videos": max(old.videos, new.videos),
        "sets": old.sets or new.sets,
        "features": old.features or new.features,
    }
    kept = old.model_copy(update=said)
    return old if kept == old else kept.model_copy(update={"thbench": new.thbench})
