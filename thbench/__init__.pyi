"""The types of what `thbench` loads at first use."""

from thbench.errors import UserError as UserError
from thbench.interface.calls import evaluate as evaluate
from thbench.interface.calls import load as load
from thbench.interface.calls import run as run
from thbench.interface.comparison import Comparison as Comparison
from thbench.interface.results import Results as Results

__all__ = ["Comparison", "Results", "UserError", "__version__", "evaluate", "load", "run"]

__version__: str
