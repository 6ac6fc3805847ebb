"""Names and options of a suite's document -> installed plugins with checked options: the Suite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from thbench.api import UserError
from thbench.controls import CONTROLS
from thbench.files.canonical import NAME, same_name
from thbench.files.yamlfile import Document, KeyPath
from thbench.plugins.discovery import Registry
from thbench.plugins.options import resolve_options
from thbench.suite.form import MetricForm, SystemForm, parse
from thbench.suite.model import MetricPart, Part, Suite, System


def build_suite(document: Document, registry: Registry) -> Suite:
    """Validate and resolve a document whose overrides have been applied. Raises UserError."""
    form = parse(document)
    metrics = tuple(
        _metric(m, registry, document, ("metrics", str(i))) for i, m in enumerate(form.metrics)
    )
    _check_columns(document, metrics)
    _check_names(document, list(form.systems))
    return Suite(
        name=form.name,
        title=form.title,
        dataset=named_part(
            "dataset", form.dataset.name, form.dataset.options, registry, document, ("dataset",)
        ),
        split=form.split,
        seed=form.seed,
        identity_frame=form.identity_frame,
        systems=tuple(_system(n, s, registry, document) for n, s in form.systems.items()),
        metrics=metrics,
        primary=form.primary,
        headline=form.headline,
        controls=_controls(document, form.controls),
        limits=form.limits,
        also_at=form.resolutions,
        folder=document.folder,
        overrides=document.overrides,
        file=document.file,
        document=document,
    )


def _check_names(document: Document, names: list[str]) -> None:
    """No system looks like a control or another system: tables and folders must tell them apart."""
    controls = {same_name(control): f"the control {control}" for control in CONTROLS}
    seen: dict[str, str] = {}
    for name in names:
        if not re.fullmatch(NAME, name):
            raise document.error(
                ("systems", name), "is no usable system name", "letters, digits, . _ + -"
            )
        if other := controls.get(same_name(name)) or seen.get(name.casefold()):
            raise document.error(("systems", name), f"looks like {other}", "choose another name")
        seen[name.casefold()] = f"the system {name}"


def named_part(
    kind: str,
    name: str,
    options: Mapping[str, Any],
    registry: Registry,
    document: Document,
    key: KeyPath,
) -> Part:
    """The plugin that `name` or `name:argument` means, with its options. Raises UserError."""
    plain, colon, argument = name.partition(":")
    try:
        registered = registry.find(kind, plain)
    except UserError as error:
        raise UserError(f"{document.where(key)}: {error.message}", error.remedy) from None
    given = dict(options)
    if colon:
        if registered.plugin.argument is None:
            raise document.error(
                key, f"{kind} '{plain}' takes no ':{argument}'", f"write '{plain}'"
            )
        given[registered.plugin.argument] = argument
    resolved = resolve_options(registered.plugin, given, document, key, kind)
    return Part(registered, resolved, given, registry)


def _system(name: str, form: SystemForm, registry: Registry, document: Document) -> System:
    """A system; its broken plugin (import failed) makes this entry fail and no other."""
    key = ("systems", name)
    broken = registry.is_broken(form.generator.partition(":")[0])
    if broken and form.generator not in registry.names("generator"):
        reason = f"plugin {broken.owner} failed: {broken.reason}"
        return System(name, form.generator, form.resolution, None, form.oracle, reason, form.given)
    part = named_part("generator", form.generator, form.options, registry, document, key)
    return System(name, form.generator, form.resolution, part, form.oracle, given=form.given)


def _metric(form: MetricForm, registry: Registry, document: Document, key: KeyPath) -> MetricPart:
    name, at, variant = form.metric.partition("@")
    options = dict(form.options)
    plain = name.partition(":")[0]
    if at:
        variants = dict(registry.find("metric", plain).plugin.variants)
        if variant not in variants:
            raise document.unknown_key((*key, variant), f"variant of '{plain}'", list(variants))
        options = {**variants[variant], **options}
    part = named_part("metric", name, options, registry, document, key)
    argument = name.partition(":")[2]
    label = form.label or variant or argument or None
    return MetricPart(part.registered, part.options, part.given, registry, label)


def _check_columns(document: Document, metrics: tuple[MetricPart, ...]) -> None:
    seen: set[tuple[str, str | None]] = set()
    for i, metric in enumerate(metrics):
        column = (metric.plugin.name, metric.label)
        if column in seen:
            raise document.error(
                ("metrics", str(i)), f"'{metric.plugin.name}' stands twice", "add `as: NAME` to one"
            )
        seen.add(column)


def _controls(document: Document, controls: tuple[str, ...]) -> tuple[str, ...]:
    for i, name in enumerate(controls):
        if name not in CONTROLS:
            raise document.unknown_key(("controls", str(i), name), "control", list(CONTROLS))
    return tuple(c for c in CONTROLS if c in controls)
