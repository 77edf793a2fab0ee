"""From MLflow's `config` to the fields of a deployment. Pure.

The keys are the settings' own names. Whether there is a setting of a name, and what its values are, the hub knows.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from scoringhost.hub.errors import ValueRefused

ENVIRONMENT = "environment"
TRAFFIC = "traffic"
ENDPOINT_KEYS = (TRAFFIC, "sticky_header", "default")


def deployment_fields(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields `settings` and `environment` of a deployment, those that are given."""
    settings = {str(key).replace("-", "_"): value for key, value in (config or {}).items()}
    fields: dict[str, Any] = {}
    if ENVIRONMENT in settings:
        fields["environment"] = settings.pop(ENVIRONMENT)
    if settings:
        fields["settings"] = settings
    return fields


def traffic_fields(config: Mapping[str, Any] | None, deployments: list[str]) -> dict[str, Any]:
    """The fields of a division of requests, those that are given.

    config: `{"traffic": {"blue": 90, "green": 10}}`, the same as JSON text, or the deployments themselves as keys,
    which is how MLflow's command line can say it (`-C blue=90`); and `sticky_header` and `default`.

    Raises:
        ValueRefused: for another key, or a value that is no percentage.
    """
    given = dict(config or {})
    fields: dict[str, Any] = {key: given.pop(key) for key in ("sticky_header", "default") if key in given}
    traffic = given.pop(TRAFFIC, None)
    if isinstance(traffic, str):
        try:
            traffic = json.loads(traffic)
        except ValueError:
            raise ValueRefused(TRAFFIC, 'percentages, such as {"blue": 90}', traffic) from None
    if traffic is not None and not isinstance(traffic, Mapping):
        raise ValueRefused(TRAFFIC, 'percentages, such as {"blue": 90}', traffic)
    if traffic is None and not given:
        return fields
    shares = {str(name): _percentage(str(name), value) for name, value in {**(traffic or {}), **given}.items()}
    for name in shares:
        if name not in deployments:
            raise ValueRefused(name, _expected(name, deployments), shares[name])
    return {**fields, "shares": shares}


def _percentage(name: str, value: Any) -> float:
    try:
        share = float(value.removesuffix("%") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 100:
        raise ValueRefused(name, "a number from 0 to 100, in per cent", value)
    return share


def _expected(name: str, deployments: list[str]) -> str:
    """What a key of an endpoint's config may be, and which is meant."""
    known = [*deployments, *ENDPOINT_KEYS]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"a deployment of the endpoint, or one of {', '.join(ENDPOINT_KEYS)} ({hint})"
