"""Plantroom: watches a building's plant and sees to it that a person comes."""

import os

__version__ = "0.1.0"

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads spin 0.1 CPU s at every start, and we multiply no matrices
