"""YAML with line numbers, so that an error can name the place it means."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError

from thbench.errors import UserError
from thbench.files.foreign import MOST_DIGITS, read_text

_LARGEST = 2_000_000
_MOST_NODES = 200_000
_SURPRISING = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")

KeyPath = tuple[str, ...]
Model = TypeVar("Model", bound=BaseModel)


class Loader(yaml.SafeLoader):
    """SafeLoader in which only true and false are truth values and a date is text.

    YAML 1.1 reads `on`, `off`, `yes`, `no` as booleans, also as keys, which nobody expects.
    """


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _SURPRISING]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _finite(loader: Loader, node: yaml.ScalarNode) -> float:
    """A float that every later step can compute with and print: no infinity, no NaN, no endless digits."""
    if len(node.value) > MOST_DIGITS:
        raise ConstructorError(
            None, None, f"a number has over {MOST_DIGITS} digits", node.start_mark
        )
    value = float(yaml.SafeLoader.construct_yaml_float(loader, node))
    if not math.isfinite(value):
        raise ConstructorError(None, None, f"{node.value} is no finite number", node.start_mark)
    return value


def _whole(loader: Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > MOST_DIGITS:
        raise ConstructorError(
            None, None, f"a number has over {MOST_DIGITS} digits", node.start_mark
        )
    return int(yaml.SafeLoader.construct_yaml_int(loader, node))


Loader.add_constructor("tag:yaml.org,2002:float", _finite)
Loader.add_constructor("tag:yaml.org,2002:int", _whole)


@dataclass
class Document:
    """A parsed YAML mapping: plain data, the line of every key, where relative paths start, what was
    changed on the command line, and the flags that gave keys there."""

    file: str
    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    folders: dict[KeyPath, Path] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    overrides: tuple[str, ...] = ()
    flags: dict[KeyPath, str] = field(default_factory=dict)

    def typed(self, key: KeyPath, flag: str) -> None:
        """`key` was given on the command line by `flag`: what it holds has no line of the file any more."""
        self.lines = {k: line for k, line in self.lines.items() if k[: len(key)] != key}
        self.flags = {k: f for k, f in self.flags.items() if k[: len(key)] != key} | {key: flag}
        self.folders[key] = Path.cwd()

    def where(self, key: KeyPath) -> str:
        """`suite.yaml:12` for the innermost known part of `key`, or the flag that gave it."""
        return self._place(key)[0]

    def _place(self, key: KeyPath) -> tuple[str, KeyPath]:
        """As `where`, and what of the key that does not say."""
        for n in range(len(key), 0, -1):
            if flag := self.flags.get(key[:n]):
                return flag, key[n:]
            if line := self.lines.get(key[:n]):
                return f"{self.file}:{line}", key
        return self.file, key or ("document",)

    def folder_of(self, key: KeyPath) -> Path:
        """Relative paths of a file start at its folder, those of the command line where it was typed."""
        for n in range(len(key), 0, -1):
            if key[:n] in self.folders:
                return self.folders[key[:n]]
        return self.folder

    def at(self, key: KeyPath) -> Mapping[Any, Any]:
        """The mapping at `key` as it was written; {} where there is none."""
        here: Any = self.data
        for step in key:
            here = here.get(step) if isinstance(here, dict) else None
        return here if isinstance(here, dict) else {}

    def error(self, key: KeyPath, message: str, remedy: str = "") -> UserError:
        place, rest = self._place(key)
        return UserError(": ".join(filter(None, [place, ".".join(rest), message])), remedy)

    def unknown_key(self, key: KeyPath, what: str, known: list[str], where: str = "") -> UserError:
        """`where` stands in for the place of the key."""
        near = get_close_matches(key[-1], known, n=1, cutoff=0.5)
        remedy = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
        return UserError(f"{where or self.where(key)}: unknown {what} '{key[-1]}'", remedy)


def load(text: str) -> Any:
    """The plain data of a YAML text, safely. Raises yaml.YAMLError, RecursionError where it is nested too deeply."""
    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506  a SafeLoader
    except (ValueError, TypeError, OverflowError, AttributeError, KeyError) as error:
        # of a tag whose text is none of its kind: `!!int x`, 5,000 digits, the 31st of February
        raise yaml.YAMLError(f"a value is not of its kind ({str(error)[:100]})") from error


def first_error(error: ValidationError) -> Any:
    """The most telling error of a validation: a key that does not exist explains one that is missing."""
    return next((e for e in error.errors() if e["type"] == "extra_forbidden"), error.errors()[0])


def validated(document: Document, model: type[Model], data: Any, page: str) -> Model:
    """`data` of the document as a `model`; `page` tells people what may be written.

    Raises UserError naming line and key, for an unknown key with the nearest right one.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = first_error(error)
    key = tuple(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        fields = _model_at(model, key[:-1]).model_fields
        raise document.unknown_key(key, "key", [f.alias or n for n, f in fields.items()])
    if first["type"] != "missing":
        raise document.error(key, first["msg"].removeprefix("Value error, "), f"see {page}")
    fields = _model_at(model, key[:-1]).model_fields
    beside = [str(name) for name in document.at(key[:-1]) if name not in fields]
    near = get_close_matches(key[-1], beside, n=1, cutoff=0.75)
    remedy = f"is '{near[0]}' meant to be it?" if near else f"see {page}"
    raise document.error(key, "is missing", remedy)


def _model_at(model: type[BaseModel], key: KeyPath) -> type[BaseModel]:
    """The innermost model on the way along `key`; names of a mapping and places of a list are passed over."""
    for step in key:
        for name, field_ in model.model_fields.items():
            if step in (name, field_.alias):
                model = _model_in(field_.annotation) or model
                break
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := _model_in(a))), None)


def read_yaml(path: Path) -> Document:
    """Parse a YAML file whose top level is a mapping.

    Raises UserError naming file and line for unreadable files, bad syntax, duplicate keys and
    documents that expand beyond reason.
    """
    text = read_text(path, "check the path; suites are UTF-8 text", _LARGEST)
    return parse_yaml(text, str(path), path.parent.resolve())


def parse_yaml(text: str, file: str, folder: Path) -> Document:
    """As `read_yaml`, of a text; `file` is what errors call it."""
    document = Document(file, {}, folder=folder)
    try:
        node = yaml.compose(text, Loader=Loader)
        if not isinstance(node, yaml.MappingNode):
            raise UserError(
                f"{file}: the top level must be a mapping of keys", "see docs/suites.md"
            )
        _walk(document, node, (), [0])
        document.data = load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{file}{_mark(error)}: {_problem(error)}", "fix the YAML") from None
    except RecursionError:
        raise UserError(f"{file}: nested too deeply or into itself", "write it flat") from None
    return document


def _walk(document: Document, node: yaml.Node, key: KeyPath, count: list[int]) -> None:
    count[0] += 1
    if count[0] > _MOST_NODES:
        raise UserError(f"{document.file}: expands to over {_MOST_NODES} values", "remove aliases")
    if key:
        document.lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            name = str(key_node.value)
            document.lines[(*key, name)] = key_node.start_mark.line + 1
            if name in seen and name != "<<":
                raise document.error((*key, name), "written twice", "keep one of them")
            seen.add(name)
            _walk(document, value_node, (*key, name), count)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _walk(document, item, (*key, str(i)), count)


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
