"""What a model needs of a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoringhost.azureml._checks import Problems
from scoringhost.azureml.exceptions import WebserviceException


class ResourceConfiguration:
    """The processor cores, memory (GB) and GPUs that a service of a model gets if its deployment says nothing else."""

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        """Raises WebserviceException if one is no number, or not positive (`gpu`: negative)."""
        problems = Problems()
        problems.positive("cpu", cpu)
        problems.positive("memory_in_gb", memory_in_gb)
        problems.not_negative("gpu", gpu)
        problems.raise_any()
        self.cpu, self.memory_in_gb, self.gpu = cpu, memory_in_gb, gpu

    def serialize(self) -> dict[str, Any]:
        """As a value of JSON."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Mapping[str, Any] | None) -> ResourceConfiguration | None:
        """The reverse of `serialize`; None of None."""
        if payload_obj is None:
            return None
        missing = [key for key in ("cpu", "memoryInGB") if key not in payload_obj]
        if missing:
            raise WebserviceException(f"a resource configuration without {', '.join(missing)}: {dict(payload_obj)}")
        return ResourceConfiguration(payload_obj["cpu"], payload_obj["memoryInGB"], payload_obj.get("gpu"))
