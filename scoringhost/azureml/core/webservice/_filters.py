"""Which services are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pairs = Sequence[str | Sequence[str]] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to fit; None fits all. tags, properties: keys, or pairs of a key and a value, of which all must be."""

    compute_type: str | None
    model_name: str | None
    model_id: str | None
    tags: Pairs
    properties: Pairs

    def fits(
        self, compute_type: str, model_ids: Sequence[str], tags: Mapping[str, str], properties: Mapping[str, str]
    ) -> bool:
        """Whether a service does."""
        if self.compute_type is not None and self.compute_type.upper() != compute_type.upper():
            return False
        if self.model_id is not None and self.model_id not in model_ids:
            return False
        names = [one.partition(":")[0] for one in model_ids]
        if self.model_name is not None and self.model_name not in names:
            return False
        return _has(tags, self.tags) and _has(properties, self.properties)


def _has(there: Mapping[str, str], wanted: Pairs) -> bool:
    for one in wanted or ():
        key, *value = [one] if isinstance(one, str) else one
        if key not in there or (value and there[key] != str(value[0])):
            return False
    return True
