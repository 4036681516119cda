"""Data files of the package: the schema of the contract, and tables that checks look things up in."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
"""Where the files lie."""
