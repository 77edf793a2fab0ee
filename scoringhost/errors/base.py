"""The base of every error; the tree is drawn where the package begins."""

from __future__ import annotations


class ScoringHostError(Exception):
    """Base of every error that scoringhost raises on purpose."""
