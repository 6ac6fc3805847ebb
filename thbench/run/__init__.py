"""What a run is on disk: its folder, job, plan, shards and events.

Called, this module is the function `thbench.run(suite, ...)`: Python sets the attribute `run` of the package to
this folder as soon as anything in it is imported, which must not take the function away.
"""

import sys
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _Run(ModuleType):
    def __call__(self, *given: Any, **named: Any) -> Any:
        return import_module("thbench.interface.calls").run(*given, **named)

    @property
    def __signature__(self) -> Signature:
        return signature(import_module("thbench.interface.calls").run)


sys.modules[__name__].__class__ = _Run
