"""How the cores of the machine are shared among the replicas of all services. Pure."""

from __future__ import annotations


def cores_for(replicas: int, in_all: int, cores: float) -> float:
    """The cores for so many replicas, of `in_all` that share `cores`; fractions count."""
    return cores * replicas / max(replicas, in_all)
