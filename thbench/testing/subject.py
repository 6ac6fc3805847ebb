"""The plugin under test: found by name or by its module, here and in a worker process."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thbench.api import Plugin, UserError
from thbench.environment import Settings
from thbench.files.yamlfile import Document
from thbench.plugins.context import build
from thbench.plugins.discovery import Owner, Registered, registry
from thbench.plugins.options import resolve_options

SETTINGS = Settings(batch=4)
"""One thread on the CPU and at most four requests a call, the harness's own defaults."""


@dataclass(frozen=True)
class Reference:
    """What crosses to a worker: a name, and the module that declares it where it is not installed."""

    kind: str
    name: str
    module: str | None
    given: Mapping[str, Any]

    def subject(self) -> Subject:
        """The same plugin in this process. Raises UserError where it cannot be found."""
        if self.module is None:
            return _with_options(registry().find(self.kind, self.name), None, self.given)
        module = importlib.import_module(self.module)
        hook = getattr(module, f"thbench_{self.kind}s", None)
        for plugin in hook() if hook else ():
            if plugin.name == self.name:
                return _with_options(_own(self.kind, plugin, self.module), self.module, self.given)
        raise UserError(
            f"module {self.module} declares no {self.kind} '{self.name}'",
            f"implement the hook thbench_{self.kind}s there, or give the name of an installed plugin",
        )


@dataclass(frozen=True)
class Subject:
    """A plugin with resolved options."""

    registered: Registered
    options: Any
    reference: Reference

    @property
    def plugin(self) -> Plugin[Any, Any]:
        return self.registered.plugin

    @property
    def kind(self) -> str:
        return self.registered.kind

    def build(self) -> Any:
        """A new instance, with the context the harness would lend."""
        return build(self.registered, self.options, registry(), SETTINGS)

    def resolve(self, given: Mapping[str, Any]) -> Any:
        """Options as a suite would give them. Raises UserError."""
        name = f"{self.kind} '{self.plugin.name}'"
        return resolve_options(self.plugin, given, Document(name, dict(given)), (), self.kind)


def subject_of(kind: str, plugin: str | Plugin[Any, Any], given: Mapping[str, Any]) -> Subject:
    """`name`, `name:argument` or `name@variant` of an installed plugin, or a Plugin. Raises UserError."""
    if isinstance(plugin, Plugin):
        module = getattr(plugin.options, "__module__", "")
        return _with_options(_own(kind, plugin, module), module, given)
    plain, _, variant = plugin.partition("@")
    plain, _, argument = plain.partition(":")
    registered = registry().find(kind, plain)
    options = dict(_variant(registered, variant))
    if argument:
        options[_argument(registered, argument)] = argument
    return _with_options(registered, None, {**options, **given})


def _variant(registered: Registered, name: str) -> Mapping[str, object]:
    variants = registered.plugin.variants
    if name and name not in variants:
        known = ", ".join(variants) or "none"
        raise UserError(f"'{registered.plugin.name}' has no variant '{name}'", f"it has: {known}")
    return variants[name] if name else {}


def _argument(registered: Registered, text: str) -> str:
    if registered.plugin.argument is None:
        raise UserError(f"'{registered.plugin.name}' takes no ':{text}'", "use --set key=value")
    return registered.plugin.argument


def _own(kind: str, plugin: Plugin[Any, Any], module: str) -> Registered:
    return Registered(kind, plugin, Owner("not installed", "0", module, module))


def _with_options(registered: Registered, module: str | None, given: Mapping[str, Any]) -> Subject:
    reference = Reference(registered.kind, registered.plugin.name, module, dict(given))
    unresolved = Subject(registered, None, reference)
    return Subject(registered, unresolved.resolve(given), reference)
