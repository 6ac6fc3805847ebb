"""The actors of one engine: each keeps at most two tasks, and is replaced when its node is lost."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from thbench.api import Died, UserError
from thbench_ray.node import Report

IN_FLIGHT = (
    2  # tasks per actor: one at work, one that waits there so that none waits for the driver
)
ATTEMPTS = 4  # of one task: a task that itself kills its actor must not do so for ever
PATIENCE_S = 120.0  # without any actor: a node that boots, other people's work that ends

Check = Callable[[Report], None]


@dataclass
class Member:
    """One actor; `waiting` are its calls in the order it answers them, None being its look around."""

    actor: Any
    waiting: deque[tuple[Any, int | None]] = field(default_factory=deque)
    ready: bool = False
    node: str = ""

    def free(self) -> bool:
        return self.ready and len(self.waiting) < IN_FLIGHT


@dataclass
class Load:
    """The tasks of one `map`: which are still to be handed out, and how often each lost its actor."""

    work: Callable[[Any], Any]
    tasks: Sequence[Any]
    died: Died | None
    todo: deque[int] = field(init=False)
    losses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.todo = deque(range(len(self.tasks)))

    def lost(self, index: int) -> list[tuple[int, Any]]:
        """The actor died at this task: nothing, it is tried again; at last what stands for its result."""
        self.losses[index] += 1
        if self.losses[index] < ATTEMPTS:
            return []
        reason = f"the worker process died {ATTEMPTS} times (killed, out of memory, or crashed)"
        if self.died is None:
            raise UserError(f"{reason} at the same task", "run the same command again to continue")
        self.todo.remove(index)
        return [(index, self.died(self.tasks[index], reason))]


class Crew:
    """`start` makes an actor and asks it to look around; `check` raises UserError at a bad report."""

    def __init__(self, ray: Any, count: int, start: Callable[[], tuple[Any, Any]], check: Check):
        self._ray, self._count, self._start, self._check = ray, count, start, check
        self._members: list[Member] = []
        self._lost = (
            ray.exceptions.RayActorError,
            ray.exceptions.ObjectLostError,  # the result had been made, and went with its node
            ray.exceptions.NodeDiedError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.OutOfMemoryError,
        )
        self._stillborn = 0  # actors lost one after the other before they had looked around

    def run(
        self, work: Callable[[Any], Any], tasks: Sequence[Any], died: Died | None
    ) -> Iterator[tuple[int, Any]]:
        """As api.Engine.map. Raises UserError where no actor can be had."""
        load, left = Load(work, tasks, died), len(tasks)
        try:
            while left:
                self._hire()
                self._hand_out(load)
                for index, result in self._take(self._next_answer(), load):
                    left -= 1
                    yield index, result
        finally:
            if left:  # an error or Ctrl-C: nobody wants what is still being made
                self.dismiss()

    def dismiss(self) -> None:
        """End every actor, whatever it is doing."""
        while self._members:
            with suppress(Exception):  # the cluster may be gone already
                self._ray.kill(self._members.pop().actor)

    def _hire(self) -> None:
        while len(self._members) < self._count:
            actor, look = self._start()
            self._members.append(Member(actor, deque([(look, None)])))

    def _hand_out(self, load: Load) -> None:
        """First one task for everybody, also for those that still start, then a second."""
        starting = sum(not m.ready for m in self._members)
        while load.todo and (free := [m for m in self._members if m.free()]):
            member = min(free, key=lambda m: len(m.waiting))
            if member.waiting and len(load.todo) <= starting:
                return
            index = load.todo.popleft()
            call = member.actor.work.remote(load.work, load.tasks[index])
            member.waiting.append((call, index))

    def _next_answer(self) -> Member:
        """The worker that answers next; an actor answers in the order it was asked."""
        first = {m.waiting[0][0]: m for m in self._members if m.waiting}
        alone = not any(m.ready for m in self._members)
        done, _ = self._ray.wait(list(first), timeout=PATIENCE_S if alone else None)
        if not done:
            raise UserError(
                f"the Ray cluster gave no worker within {PATIENCE_S:.0f} s",
                "`ray status` shows what is taken; run the same command again to continue",
            )
        return first[done[0]]

    def _take(self, member: Member, load: Load) -> list[tuple[int, Any]]:
        """What the member's oldest call brings: index and result, or nothing. Raises what work raised."""
        reference, index = member.waiting[0]
        try:
            answer = self._ray.get(reference)
        except self._lost as error:
            self._replace(member, load)
            _tell(
                f"ray: a worker was lost {member.node and 'on ' + member.node}: {_last_line(error)}"
            )
            if index is not None:
                return load.lost(index)
            self._count_stillborn(error)
            return []
        member.waiting.popleft()
        if index is None:
            self._check(answer)
            member.ready, member.node, self._stillborn = True, answer.node, 0
            return []
        good, result = answer
        if not good:
            raise result
        return [(index, result)]

    def _replace(self, member: Member, load: Load) -> None:
        """What a lost actor had is done again, first of all."""
        self._members.remove(member)
        with suppress(Exception):  # most often dead already
            self._ray.kill(member.actor)
        load.todo.extendleft(i for _, i in reversed(member.waiting) if i is not None)

    def _count_stillborn(self, error: Exception) -> None:
        self._stillborn += 1
        if self._stillborn >= ATTEMPTS:
            raise UserError(
                f"workers of the Ray cluster die as they start: {_last_line(error)}",
                "every node needs the same Python with the same thbench installed",
            )


def _tell(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr, flush=True)


def _last_line(error: Exception) -> str:
    """Of Ray's long messages, the line with the cause."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
