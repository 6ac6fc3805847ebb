"""thbench: a benchmark harness for talking-head generators.

    import thbench

    results = thbench.evaluate(videos="outputs", references="recordings", metrics=["psnr", "ssim"])
    results = thbench.run("demo")
    results = thbench.load("runs/demo")
    results.table()

Everything here loads at first use, so that the import itself takes milliseconds. What plugins are
written against is `thbench.api`.
"""

from importlib import import_module as _import_module

__version__ = "0.1.0"

_WHERE = {
    "Comparison": "thbench.interface.comparison",
    "Results": "thbench.interface.results",
    "UserError": "thbench.errors",
    "evaluate": "thbench.interface.calls",
    "load": "thbench.interface.calls",
    "run": "thbench.interface.calls",
}
__all__ = ["Comparison", "Results", "UserError", "__version__", "evaluate", "load", "run"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'thbench' has no attribute '{name}'")
    return getattr(_import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
