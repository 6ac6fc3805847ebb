"""Who is in a list as papers publish it, and which held-out people are among them. Opens no media.

Which names belong to a dataset, and who they are, its plugin says (`Plugin.person`); whether two datasets
can share people follows from `Plugin.people`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from thbench.errors import UserError
from thbench.files.canonical import same_id
from thbench.files.foreign import json_of, read_text
from thbench.plugins.discovery import Registry
from thbench.suite.split import Manifest, known_manifests, load_manifest

Verdict: TypeAlias = Literal["yes", "no", "unknown"]
RECORDING = "?"
"""A person that starts so is a recording which says no person."""
_LARGEST = 200_000_000


@dataclass(frozen=True)
class Names:
    """A list, by dataset: person -> the names it has there; and names that no dataset knows."""

    people: Mapping[str, Mapping[str, frozenset[str]]]
    unknown: tuple[str, ...] = ()

    def of(self, dataset: str) -> Mapping[str, frozenset[str]]:
        return self.people.get(dataset, {})


@dataclass(frozen=True)
class Finding:
    """Whether a list and the test people of `split` overlap, and why that is said."""

    split: str
    dataset: str
    verdict: Verdict
    why: str


def read_names(path: Path, registry: Registry, dataset: str | None = None) -> Names:
    """Names in a text, CSV or JSON file, or the training people of a split (its name or YAML file).

    `dataset`: names that its plugin does not know are people of it; it need not be installed.

    Raises UserError for a file that cannot be read or names nobody.
    """
    manifest = known_manifests().get(str(path), path)
    if manifest.suffix == ".yaml":
        split = load_manifest(manifest)
        seen = (*split.train, *split.validation)
        return Names({split.dataset: {actor: frozenset([actor]) for actor in seen}})
    return names_of(_tokens(path), registry, dataset, str(path))


def names_of(
    tokens: Iterable[str], registry: Registry, dataset: str | None = None, source: str = "the list"
) -> Names:
    """As `read_names`, of names already read. A name that several datasets know counts for each."""
    owners = [registry.find("dataset", name).plugin for name in registry.names("dataset")]
    if dataset in registry.names("dataset"):
        owners = [registry.find("dataset", dataset).plugin]
    people: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    unknown = []
    for token in dict.fromkeys(tokens):
        found = {o.name: who for o in owners if (who := o.person(token)) is not None}
        if not found and dataset is not None:
            found = {dataset: token}
        for name, who in found.items():
            people[name][who].add(_spelling(token))
        if not found:
            unknown.append(token)
    if not people:
        raise UserError(
            f"{source} names no actor of an installed dataset",
            "one clip or actor per line, as papers publish them; --dataset NAME for bare actors",
        )
    frozen = {d: {p: frozenset(n) for p, n in of.items()} for d, of in people.items()}
    return Names(frozen, tuple(unknown))


def _spelling(token: str) -> str:
    """A clip's name without folders, suffix, windows and numbers: how the person is written there."""
    stem = re.sub(r"[#.].*$", "", token.rpartition("/")[2])
    return re.sub(r"\d*_\d+$", "", stem) or stem


def _tokens(path: Path) -> Iterator[str]:
    text = read_text(path, "check the path", _LARGEST, "utf-8-sig")
    if path.suffix.lower() == ".json":
        yield from _texts(json_of(text, path, "give a JSON list of names"))
    else:
        yield from re.findall(r"[^\s|;,\"']+", text)


def _texts(data: Any) -> Iterator[str]:
    """Every text in JSON data, keys of mappings too."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield key
            yield from _texts(value)
    elif isinstance(data, Sequence):
        for value in data:
            yield from _texts(value)


# -- against one another ----------------------------------------------------------------------------


def related(first: str, second: str, registry: Registry) -> Verdict:
    """Whether people of two datasets can be the same: `no` where one was recorded for itself alone."""
    if first == second:
        return "yes"
    kinds = {_people(name, registry) for name in (first, second)}
    if "unknown" in kinds:
        return "no" if "drawn" in kinds else "unknown"
    return "unknown" if kinds == {"public"} else "no"


def _people(name: str, registry: Registry) -> str:
    return registry.find("dataset", name).plugin.people if _known(name, registry) else "unknown"


def _known(name: str, registry: Registry) -> bool:
    return name in registry.names("dataset")


def against_splits(names: Names, registry: Registry) -> list[Finding]:
    """The list against the test people of every known split."""
    manifests = {name: load_manifest(path) for name, path in known_manifests().items()}
    return [_against(names, name, manifest, registry) for name, manifest in manifests.items()]


def _against(names: Names, split: str, manifest: Manifest, registry: Registry) -> Finding:
    own = {same_id(who): n for who, n in names.of(manifest.dataset).items()}
    shared = [actor for actor in manifest.test if same_id(actor) in own]
    if shared:
        words = ", ".join(_written(actor, own[same_id(actor)]) for actor in shared)
        return Finding(split, manifest.dataset, "yes", f"trained on test actors {words}")
    unsure = [
        d for d in names.people if d != manifest.dataset
        if related(d, manifest.dataset, registry) == "unknown"
    ]  # fmt: skip
    if unsure:
        why = f"{', '.join(unsure)} and {manifest.dataset} may show the same people"
        return Finding(split, manifest.dataset, "unknown", why)
    if nameless := [w for w in names.of(manifest.dataset) if w.startswith(RECORDING)]:
        why = f"{len(nameless)} recordings of the list say no person"
        return Finding(split, manifest.dataset, "unknown", why)
    if names.unknown and _people(manifest.dataset, registry) != "drawn":
        why = f"{len(names.unknown)} names are of no installed dataset, {names.unknown[0]} first"
        return Finding(split, manifest.dataset, "unknown", why)
    return Finding(split, manifest.dataset, "no", "")


def _written(actor: str, spellings: frozenset[str]) -> str:
    other = sorted(s for s in spellings if actor not in s)
    return f"{actor} (as {', '.join(other)})" if other else actor


@dataclass(frozen=True)
class Shared:
    """People of one dataset that two lists share. Counts are of the second, the test list."""

    dataset: str
    people: tuple[str, ...]
    of_people: int
    names: int
    of_names: int
    spelled: tuple[str, ...]
    nameless: int


def shared(train: Names, test: Names) -> list[Shared]:
    """What a training list and a test list have in common, for each dataset of the test list.

    A name is a person as it is written; `spelled` are people written in two ways.
    """
    return [_shared(d, train.of(d), test.of(d)) for d in sorted(test.people)]


def _shared(
    dataset: str, train: Mapping[str, frozenset[str]], test: Mapping[str, frozenset[str]]
) -> Shared:
    both = sorted(set(train) & set(test))
    return Shared(
        dataset=dataset,
        people=tuple(both),
        of_people=len(test),
        names=sum(len(test[who]) for who in both),
        of_names=sum(len(n) for n in test.values()),
        spelled=tuple(
            _two(who, train[who] | test[who]) for who in both if len(train[who] | test[who]) > 1
        ),
        nameless=sum(who.startswith(RECORDING) for who in test if who not in both),
    )


def _two(who: str, spellings: frozenset[str]) -> str:
    return f"{who} (as {', '.join(sorted(spellings))})"
