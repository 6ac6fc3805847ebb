"""What is installed, in words. Builds nothing and imports no torch."""

from __future__ import annotations

import dataclasses
import json
from difflib import get_close_matches
from typing import Any

from thbench.api import Plugin, UserError
from thbench.files.shipped import benchmarks_folder
from thbench.files.yamlfile import read_yaml
from thbench.plugins.discovery import KINDS, Registered, Registry, registry
from thbench.plugins.options import option_help, option_schema
from thbench.plugins.weights import megabytes


def overview() -> dict[str, list[dict[str, str]]]:
    """Plugins by kind, weights, suites, and what cannot be used and why."""
    known = registry()
    data = {f"{kind}s": _plugins(known, kind) for kind in KINDS}
    data["weights"] = [
        {"name": w.name, "about": f"{megabytes(w.size)}, {w.licence}"}
        for w in known.weights().values()
    ]
    data["suites"] = [
        {"name": p.stem, "about": _title(p)} for p in sorted(benchmarks_folder().glob("*.yaml"))
    ]
    data["broken"] = [{"name": str(b.owner), "about": b.reason} for b in known.broken]
    data["disabled"] = [{"name": str(o), "about": "by THBENCH_DISABLE"} for o in known.disabled]
    return {section: entries for section, entries in data.items() if entries}


def _plugins(known: Registry, kind: str) -> list[dict[str, str]]:
    entries = []
    for name in known.names(kind):
        owners = known.owners[kind, name]
        about = f"{owners[0].plugin.summary} [{owners[0].owner}]"
        if len(owners) > 1:
            about = "REFUSED: provided twice, by " + " and ".join(str(r.owner) for r in owners)
        entries.append({"name": name, "about": about})
    return entries


def _title(path: Any) -> str:
    try:
        return str(read_yaml(path).data.get("title", ""))
    except UserError as error:
        return error.message


def describe_plugin(name: str) -> str:
    """Options, defaults, help and variants of every plugin called `name`."""
    known = registry()
    found = [r for r in known if r.plugin.name == name]
    if not found:
        names = sorted({r.plugin.name for r in known})
        near = get_close_matches(name, names, n=1)
        raise UserError(
            f"no plugin '{name}'", f"did you mean '{near[0]}'?" if near else "thbench list"
        )
    return "\n\n".join(describe(r) for r in found)


def describe(registered: Registered) -> str:
    plugin = registered.plugin
    lines = [f"{registered.kind} {plugin.name} (version {plugin.version}) from {registered.owner}"]
    if plugin.summary:
        lines.append(f"  {plugin.summary}")
    help_texts = option_help(plugin)
    for name, schema in option_schema(plugin).items():
        default = json.dumps(schema["default"]) if "default" in schema else _made(plugin, name)
        lines.append(f"  {name} [{default}] {help_texts[name]}".rstrip())
    for variant, options in plugin.variants.items():
        lines.append(
            f"  variant {plugin.name}@{variant}: {json.dumps(dict(options), sort_keys=True)}"
        )
    return "\n".join(lines)


def _made(plugin: Plugin[Any, Any], name: str) -> str:
    """The default of an option whose dataclass makes it anew each time."""
    fields = dataclasses.fields(plugin.options) if dataclasses.is_dataclass(plugin.options) else ()
    for field in fields:
        if field.name == name and field.default_factory is not dataclasses.MISSING:
            return json.dumps(field.default_factory())
    return "required"
