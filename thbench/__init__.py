"""thbench: a benchmark harness for talking-head generators."""

__version__ = "0.1.0"
