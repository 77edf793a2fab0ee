"""What is kept with a service beside what the hub knows of it: how it was deployed from here.

It is a property of the version, which the hub keeps and shows without a look at it. A service that was deployed by
other means has none, and is a LocalWebservice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from scoringhost.azureml.core.webservice._hub_of_services import chosen_version

PROPERTY = "azureml.deployment"


@dataclass(frozen=True, slots=True)
class Record:
    """How a service was deployed.

    configuration: what was given of its deployment configuration. inference: how its script was named, for `reload`;
    paths: models that are not in the registry. properties: those of the user.
    """

    compute_type: str = "Local"
    configuration: Mapping[str, Any] = field(default_factory=dict)
    inference: Mapping[str, Any] | None = None
    paths: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Record:
        """What is kept with a service that the hub has answered."""
        known = dict(chosen_version(found).get("properties") or {})
        text = known.pop(PROPERTY, None)
        if text is None:
            return cls(properties=known)
        kept = json.loads(text)
        return cls(kept["compute_type"], kept["configuration"], kept["inference"], tuple(kept["paths"]), known)

    def as_properties(self) -> dict[str, str]:
        """As the hub is told."""
        kept = asdict(self)
        own = kept.pop("properties")
        return {**own, PROPERTY: json.dumps(kept)}
