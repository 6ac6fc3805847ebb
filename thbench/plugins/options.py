"""Options of plugins: strict, named in errors by file and line, and split into what and where."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from thbench.api import Plugin, UserError
from thbench.files.foreign import sha256_of
from thbench.files.yamlfile import Document, KeyPath, first_error


def _adapter(plugin: Plugin[Any, Any]) -> TypeAdapter[Any]:
    return _adapter_of(cast(Hashable, plugin.options))


@lru_cache(maxsize=256)
def _adapter_of(options: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", options))


def option_schema(plugin: Plugin[Any, Any]) -> Mapping[str, Mapping[str, Any]]:
    """JSON-Schema properties of the options, by name; made once for each class of options."""
    return _schema_of(cast(Hashable, plugin.options))


@lru_cache(maxsize=256)
def _schema_of(options: Hashable) -> Mapping[str, Mapping[str, Any]]:
    """Read-only, because every caller is given the same one: a demo asks thousands of times."""
    found = _adapter_of(options).json_schema().get("properties", {})
    return MappingProxyType({name: MappingProxyType(schema) for name, schema in found.items()})


def option_help(plugin: Plugin[Any, Any]) -> dict[str, str]:
    """The help text of each option: the plain string in `Annotated[type, "text"]`."""
    hints = get_type_hints(plugin.options, include_extras=True)
    texts = {}
    for name in option_schema(plugin):
        metadata = getattr(hints.get(name), "__metadata__", ())
        texts[name] = next((m for m in metadata if isinstance(m, str)), "")
    return texts


def path_options(plugin: Plugin[Any, Any]) -> frozenset[str]:
    """Options that say where something lies. They enter no identity and no digest."""
    return _paths_of(cast(Hashable, plugin.options))


@lru_cache(maxsize=256)
def _paths_of(options: Hashable) -> frozenset[str]:
    return frozenset(name for name, s in _schema_of(options).items() if _holds_path(s))


def _holds_path(schema: Mapping[str, Any]) -> bool:
    if schema.get("format") in ("path", "file-path", "directory-path"):
        return True
    nested = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return any(_holds_path(s) for s in nested)


def resolve_options(
    plugin: Plugin[Any, Any], given: Mapping[str, Any], document: Document, key: KeyPath, kind: str
) -> Any:
    """Validate `given` strictly and build the plugin's options object.

    Relative paths are taken from the document's folder, or from the working folder for values that
    came from the command line. Raises UserError naming file, line, key and the nearest right name.
    """
    known = option_schema(plugin)
    for name in given:
        if name not in known:
            raise document.unknown_key(
                (*key, name), f"option of {kind} '{plugin.name}'", list(known)
            )
    values = dict(given)
    for name in path_options(plugin) & values.keys():
        values[name] = _absolute(values[name], document.folder_of((*key, name)))
    try:
        return _adapter(plugin).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise _explain(error, document, key, kind, plugin.name) from None
    except (TypeError, ValueError) as error:
        raise document.error(key, f"{kind} '{plugin.name}': {error}", "see its options") from None


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_absolute(v, folder) for v in value]
    if not isinstance(value, str):
        return value
    return str(folder / Path(value).expanduser())


def _explain(
    error: ValidationError, document: Document, key: KeyPath, kind: str, name: str
) -> UserError:
    first = first_error(error)
    place = (*key, *(str(part) for part in first["loc"]))
    return document.error(place, f"{first['msg']} ({kind} '{name}')", f"thbench list {name}")


def file_digests(plugin: Plugin[Any, Any], options: Any) -> dict[str, str]:
    """SHA-256 of every file that an option names: where it lies says nothing, what it holds does."""
    found = {}
    for name in sorted(path_options(plugin)):
        path = getattr(options, name, None)
        if isinstance(path, Path) and path.is_file():
            found[name] = sha256_of(path)
    return found


def dump_options(plugin: Plugin[Any, Any], options: Any) -> dict[str, Any]:
    """The resolved options as JSON data, without those that only say where something lies."""
    values: dict[str, Any] = _adapter(plugin).dump_python(options, mode="json")
    hidden = path_options(plugin)
    return {k: v for k, v in values.items() if k not in hidden}
