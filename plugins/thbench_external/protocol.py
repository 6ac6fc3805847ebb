"""Whether a program keeps to the line protocol of sessions, found by speaking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thbench.api import ClipFailure, Request
from thbench_external.program import Program
from thbench_external.session import Refused, Session
from thbench_external.workspace import Workspace

__all__ = ["complaints"]


def complaints(
    program: Program, space: Workspace, values: Mapping[str, object], requests: Sequence[Request]
) -> list[str]:
    """A line for everything that it breaks: ready, an answer to each line in turn, a refusal of what
    cannot be made, going on after it, the end at end of file."""
    try:
        session = program.session(space, values)
    except ClipFailure as failure:
        return [f"it does not get ready: {failure.reason}"]
    try:
        found = _answers(session, program, space, requests)
        if session.is_running and (code := session.leave()) != 0:
            found.append(f"at end of file it ends with exit code {code}, 0 expected")
    except ClipFailure as failure:
        found = [failure.reason]
    finally:
        session.close()
    return found


def _answers(
    session: Session, program: Program, space: Workspace, requests: Sequence[Request]
) -> list[str]:
    found = []
    for n, request in enumerate([*requests[:2], *requests[:1]]):
        given = space.write(request, f"check-{n}", still=True)
        out = space.outputs / program.output(given)
        absent = n == 1  # a picture that does not exist: to be refused, not to die of
        line = space.line(given, out)
        if absent:
            given.identity.unlink()
        try:
            session.ask(line, given.name)
        except Refused as refusal:
            if not absent:
                found.append(f"it refuses a plain request: {refusal.reason}")
        else:
            if absent:
                found.append("it says `done` where the picture does not exist, `failed` expected")
    return found
