"""The version of scoringhost."""

__version__ = "0.1.0"
