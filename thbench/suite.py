"""YAML -> frozen Suite: what is measured, on what, by which rule.

The digest covers what makes rows comparable (dataset, split, seed, metrics, identity frame, limits,
primary); systems are entrants and controls are company, so adding either leaves it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import thbench
from thbench.api import Plugin, UserError
from thbench.canonical import digest
from thbench.controls import CONTROLS
from thbench.options import dump_options, path_options, resolve_options
from thbench.plugins import Registered, Registry
from thbench.yamlfile import Document, KeyPath, first_error, load, read_yaml

SCHEMA = 1
NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$"
IdentityFrame: TypeAlias = Literal["first", "random"] | int
Resolution = Field(ge=16, le=2048, multiple_of=2)  # H.264 halves its colours


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Limits(_Frozen):
    """A fixed part of the split: the first so many actors, clips of each, clips in all.

    Within an actor the clips with the smallest SHA-256 of (seed, clip id) are taken, so that a
    small suite does not consist of one sentence.
    """

    actors: int | None = Field(default=None, ge=1)
    clips_per_actor: int | None = Field(default=None, ge=1)
    clips: int | None = Field(default=None, ge=1)


class _DatasetForm(_Frozen):
    name: str
    options: dict[str, Any]


class _SystemForm(_Frozen):
    generator: str
    resolution: int = Resolution
    oracle: tuple[str, ...] = ()
    options: dict[str, Any]


class _MetricForm(_Frozen):
    metric: str
    label: str | None = Field(default=None, alias="as", pattern=NAME)
    options: dict[str, Any]


class _SuiteForm(_Frozen):
    """The file as written; plugin options stand beside the fixed keys of their section."""

    version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=NAME)
    title: str = ""
    dataset: _DatasetForm
    split: str | dict[str, Any]
    seed: int = Field(default=0, ge=0)
    identity_frame: IdentityFrame = "first"
    systems: dict[str, _SystemForm] = Field(default_factory=dict)
    metrics: tuple[_MetricForm, ...]
    primary: str | None = None
    controls: tuple[str, ...] = CONTROLS
    resolutions: tuple[int, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Part:
    """A plugin as the suite uses it: options as given and as resolved (without mere locations)."""

    registered: Registered
    options: Any
    given: Mapping[str, Any]

    @property
    def plugin(self) -> Plugin[Any, Any]:
        return self.registered.plugin

    @property
    def resolved(self) -> dict[str, Any]:
        return dump_options(self.plugin, self.options)


@dataclass(frozen=True)
class MetricPart(Part):
    """`label` names the variant in columns: `ofm@diffused-heads`."""

    label: str | None = None

    def column(self, score: str) -> str:
        return f"{score}@{self.label}" if self.label else score


@dataclass(frozen=True)
class System:
    """An entrant: a generator with options at its own resolution. `part` is None for a broken plugin."""

    name: str
    generator: str
    resolution: int
    part: Part | None
    oracle: tuple[str, ...] = ()
    broken: str = ""


@dataclass(frozen=True)
class Suite:
    """One benchmark, frozen."""

    name: str
    title: str
    dataset: Part
    split: str | Mapping[str, Any]
    seed: int
    identity_frame: IdentityFrame
    systems: tuple[System, ...]
    metrics: tuple[MetricPart, ...]
    primary: str | None
    controls: tuple[str, ...]
    limits: Limits
    folder: Path
    also_at: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    file: str = ""
    document: Document = field(repr=False, compare=False, default_factory=lambda: Document("", {}))

    @property
    def digest(self) -> str:
        """SHA-256 of what makes rows comparable; independent of key order, comments, paths, systems."""
        return digest(
            {
                "schema": SCHEMA,
                "name": self.name,
                "dataset": _what(self.dataset),
                "split": self.split if isinstance(self.split, str) else dict(self.split),
                "seed": self.seed,
                "identity_frame": self.identity_frame,
                "metrics": [{**_what(m), "as": m.label} for m in self.metrics],
                "primary": self.primary,
                "limits": self.limits.model_dump(),
            }
        )

    def only(self, names: Iterable[str]) -> Suite:
        """The suite with some of its systems and controls. Raises UserError for a name it lacks."""
        wanted = list(names)
        known = [*(s.name for s in self.systems), *self.controls]
        for name in wanted:
            if name not in known:
                raise UserError(
                    f"suite '{self.name}' has no system '{name}'", f"has: {', '.join(known)}"
                )
        systems = tuple(s for s in self.systems if s.name in wanted)
        chosen = tuple(c for c in self.controls if c in wanted)
        also_at = self.also_at if systems else tuple(self.resolutions)
        return replace(self, systems=systems, controls=chosen or self.controls, also_at=also_at)

    @property
    def resolutions(self) -> list[int]:
        """Every resolution of a system, and those the suite names besides; references exist per each."""
        return sorted({s.resolution for s in self.systems} | set(self.also_at))


def _what(part: Part) -> dict[str, Any]:
    """Name and given options without locations."""
    where = path_options(part.plugin)
    given = {k: v for k, v in part.given.items() if k not in where}
    return {"name": part.plugin.name, "version": part.plugin.version, "options": given}


def benchmarks_folder() -> Path:
    """The folder of shipped suites: inside the wheel, or beside the package in a checkout."""
    package = Path(thbench.__file__).parent
    inside = package / "benchmarks"
    return inside if inside.is_dir() else package.parent / "benchmarks"


def find_suite(name: str) -> Path:
    """A path to a suite file, or the name of a shipped one. Raises UserError."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if not path.is_file():
            raise UserError(f"suite file {name} does not exist", "check the path")
        return path
    shipped = benchmarks_folder() / f"{name}.yaml"
    if re.match(NAME, name) and shipped.is_file():
        return shipped
    names = ", ".join(sorted(p.stem for p in benchmarks_folder().glob("*.yaml")))
    raise UserError(f"there is no suite '{name}'", f"give a .yaml file or one of: {names}")


def load_suite(
    path: Path,
    registry: Registry,
    overrides: Iterable[str] = (),
    add: Iterable[str] = (),
    recipes: Sequence[str] = (),
) -> Suite:
    """Read, override, validate and resolve a suite.

    `overrides` are `key.path=value` texts, `add` are `GENERATOR[:key=value,...]` texts, `recipes` are
    names or files of recipes. Raises UserError naming file, line and key, with the nearest right name
    for unknown ones.
    """
    from thbench.recipes import add_recipe

    document = read_yaml(path)
    for name in recipes:
        add_recipe(document, name)
    given = [*overrides]
    for text in given:
        apply_override(document, text)
    for text in add:
        given.append(f"--add {text}")
        _add_system(document, text)
    given += [f"--with {name}" for name in recipes]
    document.overrides = tuple(given)
    return build_suite(document, registry)


def apply_override(document: Document, text: str) -> None:
    """`systems.mine.steps=20` into the document; the value is YAML."""
    path, equals, value = text.partition("=")
    key = tuple(path.strip().split("."))
    if not equals or not all(key):
        raise UserError(f"--set {text}: not of the form key.path=value", "e.g. --set seed=1")
    try:
        parsed = load(value)
    except yaml.YAMLError:
        raise UserError(f"--set {text}: '{value}' is not a YAML value", "quote it") from None
    node: Any = document.data
    for i, part in enumerate(key[:-1]):
        node = _child(document, node, part, key[: i + 1])
    if isinstance(node, list):
        node[_index(document, node, key[-1], key)] = parsed
    elif isinstance(node, dict):
        node[key[-1]] = parsed
    else:
        raise document.error(key, "cannot be set inside a plain value", "check the key")
    document.folders[key] = Path.cwd()


def _child(document: Document, node: Any, part: str, key: KeyPath) -> Any:
    if isinstance(node, list):
        return node[_index(document, node, part, key)]
    if isinstance(node, dict):
        if key[:-1] == ("systems",) and part not in node:
            raise document.unknown_key(key, "system", list(node))
        return node.setdefault(part, {})
    raise document.error(key, "cannot be set inside a plain value", "check the key")


def _index(document: Document, node: list[Any], part: str, key: KeyPath) -> int:
    if not part.isdigit() or int(part) >= len(node):
        raise document.error(key, f"'{part}' is no index of a list of {len(node)}", "count from 0")
    return int(part)


def _add_system(document: Document, text: str) -> None:
    """`mine:steps=20,resolution=64` as a further system, at the first system's resolution by default."""
    name, _, rest = text.partition(":")
    systems = document.data.setdefault("systems", {})
    if not isinstance(systems, dict):
        raise document.error(("systems",), "must be a mapping", "see docs/suites.md")
    key = name
    while key in systems:
        key += "+"
    first = next((s for s in systems.values() if isinstance(s, dict)), {})
    entry: dict[str, Any] = {"generator": name, "resolution": first.get("resolution", 128)}
    for pair in filter(None, rest.split(",")):
        option, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--add {text}: '{pair}' is not key=value", "e.g. --add mine:steps=20")
        entry[option.strip()] = load(value)
    systems[key] = entry
    document.folders[("systems", key)] = Path.cwd()


def build_suite(document: Document, registry: Registry) -> Suite:
    """Validate and resolve a document whose overrides have been applied. Raises UserError."""
    form = _parse(document)
    metrics = tuple(
        _metric(m, registry, document, ("metrics", str(i))) for i, m in enumerate(form.metrics)
    )
    _check_columns(document, metrics)
    for name in form.systems:
        if not re.match(NAME, name) or name in CONTROLS:
            raise document.error(
                ("systems", name), "is no usable system name", "letters, digits, . _ + -"
            )
    return Suite(
        name=form.name,
        title=form.title,
        dataset=_part(
            "dataset", form.dataset.name, form.dataset.options, registry, document, ("dataset",)
        ),
        split=form.split,
        seed=form.seed,
        identity_frame=form.identity_frame,
        systems=tuple(_system(n, s, registry, document) for n, s in form.systems.items()),
        metrics=metrics,
        primary=form.primary,
        controls=_controls(document, form.controls),
        limits=form.limits,
        also_at=form.resolutions,
        folder=document.folder,
        overrides=document.overrides,
        file=document.file,
        document=document,
    )


def _parse(document: Document) -> _SuiteForm:
    data = dict(document.data)
    data.setdefault("metrics", [])
    if "schema" in data and data["schema"] != SCHEMA:
        raise document.error(
            ("schema",), f"is {data['schema']!r}, this thbench reads {SCHEMA}", "upgrade thbench"
        )
    if isinstance(data.get("dataset"), dict):
        data["dataset"] = _inline(data["dataset"], {"name"})
    if isinstance(data.get("systems"), dict):
        keys = {"generator", "resolution", "oracle"}
        data["systems"] = {
            n: _inline(s, keys) if isinstance(s, dict) else s for n, s in data["systems"].items()
        }
    if isinstance(data["metrics"], list):
        data["metrics"] = tuple(_inline_metric(m) for m in data["metrics"])
    for name in ("controls", "resolutions"):
        if isinstance(data.get(name), list):
            data[name] = tuple(data[name])
    try:
        return _SuiteForm.model_validate(data)
    except ValidationError as error:
        raise _explain(document, error) from None


def _inline(section: dict[str, Any], fixed: set[str]) -> dict[str, Any]:
    """Plugin options are written beside the fixed keys; apart they can be checked by their plugin."""
    kept: dict[str, Any] = {k: v for k, v in section.items() if k in fixed}
    if isinstance(kept.get("oracle"), list):
        kept["oracle"] = tuple(kept["oracle"])
    return {**kept, "options": {str(k): v for k, v in section.items() if k not in fixed}}


def _inline_metric(entry: Any) -> Any:
    if isinstance(entry, str):
        return {"metric": entry, "options": {}}
    return _inline(entry, {"metric", "as"}) if isinstance(entry, dict) else entry


def _explain(document: Document, error: ValidationError) -> UserError:
    first = first_error(error)
    key = tuple(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        fields = Limits.model_fields if key[0] == "limits" else _SuiteForm.model_fields
        names = [f.alias or n for n, f in fields.items()]
        return document.unknown_key(key, "key", names)
    if first["type"] == "missing":
        return document.error(key, "is missing", "see docs/suites.md")
    return document.error(key, first["msg"], "see docs/suites.md")


def _part(
    kind: str,
    name: str,
    options: Mapping[str, Any],
    registry: Registry,
    document: Document,
    key: KeyPath,
) -> Part:
    """Resolve `name` or `name:argument` with its options."""
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
    return Part(registered, resolved, given)


def _system(name: str, form: _SystemForm, registry: Registry, document: Document) -> System:
    """A system; its broken plugin (import failed) makes this entry fail and no other."""
    key = ("systems", name)
    broken = registry.is_broken(form.generator.partition(":")[0])
    if broken and form.generator not in registry.names("generator"):
        reason = f"plugin {broken.owner} failed: {broken.reason}"
        return System(name, form.generator, form.resolution, None, form.oracle, reason)
    part = _part("generator", form.generator, form.options, registry, document, key)
    return System(name, form.generator, form.resolution, part, form.oracle)


def _metric(form: _MetricForm, registry: Registry, document: Document, key: KeyPath) -> MetricPart:
    name, at, variant = form.metric.partition("@")
    options = dict(form.options)
    plain = name.partition(":")[0]
    if at:
        variants = dict(registry.find("metric", plain).plugin.variants)
        if variant not in variants:
            raise document.unknown_key((*key, variant), f"variant of '{plain}'", list(variants))
        options = {**variants[variant], **options}
    part = _part("metric", name, options, registry, document, key)
    argument = name.partition(":")[2]
    label = form.label or variant or argument or None
    return MetricPart(part.registered, part.options, part.given, label)


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
