"""Work for engines: functions that other processes can import."""

from __future__ import annotations

import os
import time

from thbench.api import UserError


def double(n: int) -> int:
    return 2 * n


def process_of(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def refuse_three(n: int) -> int:
    if n == 3:
        raise UserError("three is refused", "give another")
    return n


def die_at_three(n: int) -> int:
    if n == 3:
        os._exit(9)
    return n
