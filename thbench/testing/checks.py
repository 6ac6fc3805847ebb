"""How checks are declared and run, and those that every kind of plugin shares."""

from __future__ import annotations

import dataclasses
import inspect
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from pydantic import BaseModel

from thbench.api import Missing, UserError, WeightsFile
from thbench.environment import apply_threads
from thbench.plugins.discovery import Registry, registry
from thbench.plugins.identity import plugin_identity, source_closure
from thbench.plugins.missing import Lack, plugin_lacks
from thbench.plugins.options import dump_options, option_help, option_schema, path_options
from thbench.testing.material import Material
from thbench.testing.subject import SETTINGS, Subject
from thbench.testing.worker import Probe, probe

SLOWEST_MISSING = 2.0
"""Seconds that asking what is missing may take: a plan asks every plugin of a suite."""


@dataclass(frozen=True)
class Check:
    """One promise of the contract, and the function that raises AssertionError where it is broken."""

    title: str
    run: Callable[[], None]
    gate: bool = False
    """Whether the checks after it say nothing where this one fails."""


@dataclass(frozen=True)
class Outcome:
    """What became of a check; `error` is None where it held."""

    title: str
    error: str | None
    seconds: float


def require(condition: bool, message: str) -> None:
    """An assertion that `python -O` does not remove."""
    if not condition:
        fail(message)


def fail(message: str) -> NoReturn:
    raise AssertionError(message)


def run_checks(checks: Iterable[Check]) -> Iterator[Outcome]:
    """Run one after the other, up to a gate that fails; any exception is that check's failure."""
    apply_threads(SETTINGS.threads)
    for check in checks:
        start = time.perf_counter()
        error: str | None = None
        try:
            check.run()
        except (AssertionError, UserError) as wrong:
            error = str(wrong)
        except Exception as wrong:
            error = f"it raised {type(wrong).__name__}: {wrong}"
        yield Outcome(check.title, error, time.perf_counter() - start)
        if check.gate and error is not None:
            return


def disturb_global_randomness(value: int) -> None:
    """Seed every global generator: a plugin whose bytes follow them depends on its neighbours."""
    random.seed(value)
    np.random.seed(value)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(value)


class Checks:
    """Methods named `check_...` in the order they are written; the docstring is the title."""

    work: str = ""
    """Name of the function in digests.py that uses the plugin in another process."""
    gates: tuple[str, ...] = ("check_ready",)
    """Checks without which the others say nothing."""

    def __init__(self, subject: Subject, material: Material) -> None:
        self.subject, self.material = subject, material

    def checks(self) -> list[Check]:
        """Those that every kind shares, then the kind's own, then the worker process."""
        classes = reversed(type(self).__mro__)
        names = [n for c in classes for n in vars(c) if n.startswith("check_")]
        names.sort(key=lambda name: name == "check_worker")
        return [Check(_title(getattr(self, n)), getattr(self, n), n in self.gates) for n in names]

    @cached_property
    def built(self) -> Any:
        return self.subject.build()

    def material_for_worker(self) -> Any:
        """What the function in the worker process is given; picklable."""
        raise NotImplementedError

    def expected_of_worker(self) -> Any:
        """The same result, made in this process."""
        raise NotImplementedError

    @cached_property
    def _probe(self) -> Probe:
        return probe(self.subject.reference, self.work, self.material_for_worker())

    def _seconds_of_missing(self) -> float:
        """Of the quickest of three processes: a busy disk slows one down, a slow `missing` all of them."""
        seconds = self._probe.seconds
        for _ in range(2):
            if seconds < SLOWEST_MISSING:
                break
            again = probe(self.subject.reference, self.work, self.material_for_worker())
            require(again.found is None, str(again.found))
            seconds = min(seconds, again.seconds)
        return seconds

    def _lacks(self) -> list[Lack]:
        subject = self.subject
        return list(plugin_lacks("", subject.registered, subject.options, registry()))

    def check_ready(self) -> None:
        """everything it needs is here"""
        lines = [f"{lack.missing.what}: {lack.missing.command}" for lack in self._lacks()]
        require(not lines, "; ".join(lines))

    def check_options(self) -> None:
        """options are frozen, documented, and unknown ones are refused"""
        plugin = self.subject.plugin
        require(_is_frozen(plugin.options), f"{plugin.options.__name__} is not frozen")
        bare = [name for name, text in option_help(plugin).items() if not text]
        require(not bare, f"no help text for {', '.join(bare)}: use Annotated[type, 'text']")
        try:
            self.subject.resolve({**self.subject.reference.given, "no_such_option": 1})
        except UserError as error:
            require("no_such_option" in str(error), f"the refusal does not name the key: {error}")
        else:
            fail("an unknown option is accepted")

    def check_missing(self) -> None:
        """`missing` is quick, imports no torch and names a command for each thing"""
        require(self._probe.found is None, str(self._probe.found))
        require(not self._probe.heavy, f"it imports {', '.join(self._probe.heavy)}")
        seconds = self._seconds_of_missing()
        require(seconds < SLOWEST_MISSING, f"takes {seconds:.1f} s, {SLOWEST_MISSING:.0f} allowed")
        for missing in self.subject.plugin.missing(self.subject.options):
            require_missing(missing)

    def check_identity(self) -> None:
        """its identity is stable and changes with every option and with its weights"""
        subject, known = self.subject, registry()
        now = plugin_identity(subject.registered, subject.options, known)
        require(now == plugin_identity(subject.registered, subject.options, known), "it varies")
        require(len(json.dumps(now)) > 0, "it is not JSON")
        require(bool(source_closure(subject.registered, subject.options, known)), "no source")
        for name, other in self._other_options():
            changed = plugin_identity(subject.registered, other, known)
            require(changed != now, f"option {name} changes the options but not the identity")
        for name in subject.plugin.weights(subject.options):
            changed = plugin_identity(subject.registered, subject.options, _other(known, name))
            require(changed != now, f"other weights '{name}' leave the identity as it is")

    def check_worker(self) -> None:
        """a worker process builds it, uses it and gets the same bytes"""
        found = self._probe
        require(found.error is None, str(found.error))
        require(found.result == self.expected_of_worker(), "another process gets other bytes")

    def _other_options(self) -> Iterator[tuple[str, Any]]:
        """Options that differ from the present ones in one key, where a valid other value is guessed."""
        subject = self.subject
        where = path_options(subject.plugin)
        now = dump_options(subject.plugin, subject.options)
        for name, schema in option_schema(subject.plugin).items():
            if name in where:
                continue
            for value in _guesses(now.get(name), schema):
                try:
                    other = subject.resolve({**subject.reference.given, name: value})
                except UserError:
                    continue
                if other != subject.options:
                    yield name, other
                    break


def require_missing(missing: Any) -> None:
    """A Missing that helps: it says what, and what to type."""
    require(isinstance(missing, Missing), f"gave a {type(missing).__name__}, not a Missing")
    require(bool(missing.what and missing.command), f"{missing} names no thing or no command")


def _title(method: Any) -> str:
    return inspect.getdoc(method) or method.__name__


def _is_frozen(options: type[Any]) -> bool:
    if dataclasses.is_dataclass(options):
        return bool(options.__dataclass_params__.frozen)  # type: ignore[attr-defined]
    return issubclass(options, BaseModel) and bool(options.model_config.get("frozen"))


def _guesses(value: Any, schema: Mapping[str, Any]) -> list[Any]:
    """Values that might be valid besides `value`."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value / 2, value - 1, 1]
    choices = schema.get("enum", [])
    return [c for c in choices if c != value] or ([f"{value}x"] if isinstance(value, str) else [])


def _other(known: Registry, name: str) -> Registry:
    """The same plugins with other bytes published under one weights name."""
    owners = dict(known.weights_owners)
    owners[name] = [(_rehashed(item), owner) for item, owner in owners.get(name, [])]
    return dataclasses.replace(known, weights_owners=owners)


def _rehashed(item: WeightsFile) -> WeightsFile:
    return dataclasses.replace(item, sha256="0" * 64)
