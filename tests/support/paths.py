"""Where the checkout is. Not in conftest.py, whose name other folders of tests have too."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
