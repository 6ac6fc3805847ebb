"""Suites: a YAML file in, a frozen `Suite` out; everything downstream reads the Suite alone.

model      what a suite is, and the digest that makes rows comparable
form       the file as written: its keys, and what is wrong with them
overrides  --set and --add, into the document before it is checked
resolve    names and options of a document -> installed plugins: the Suite
files      where suites lie, and the whole way from a file
"""

from thbench.files.canonical import NAME
from thbench.files.shipped import benchmarks_folder
from thbench.suite.files import find_suite, load_suite
from thbench.suite.model import SCHEMA, IdentityFrame, MetricPart, Part, Suite, SuiteLimits, System
from thbench.suite.overrides import apply_override, apply_overrides
from thbench.suite.resolve import build_suite, named_part

__all__ = [
    "NAME",
    "SCHEMA",
    "IdentityFrame",
    "MetricPart",
    "Part",
    "Suite",
    "SuiteLimits",
    "System",
    "apply_override",
    "apply_overrides",
    "benchmarks_folder",
    "build_suite",
    "find_suite",
    "load_suite",
    "named_part",
]
