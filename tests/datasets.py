"""Where the evaluation data sets lie, which are no part of the project."""

import os
from pathlib import Path

DATA = Path(os.environ.get("TASTEMAKER_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
"""A folder with one folder a data set: the one that TASTEMAKER_DATA names, else shared/data beside the checkout."""
