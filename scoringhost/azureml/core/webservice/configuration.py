"""What all deployment configurations have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from scoringhost.azureml._checks import Problems
from scoringhost.azureml._hub import warn_of

HIDDEN = frozenset({"primary_key", "secondary_key"})


@dataclass
class WebserviceDeploymentConfiguration(ABC):
    """How a service is to run. It is checked when it is made."""

    compute_type: ClassVar[str] = ""
    without_counterpart: ClassVar[tuple[str, ...]] = ()
    """Parameters that change nothing here; a warning names those that are given."""

    def __post_init__(self) -> None:
        self.validate_configuration()
        names = self.without_counterpart
        warn_of(f"deploy_configuration of {self.compute_type}", {name: getattr(self, name) for name in names})

    def validate_configuration(self) -> None:
        """Check it again, as when it was made.

        Raises:
            WebserviceException: with all that is wrong, one line for each thing.
        """
        problems = Problems()
        self._check(problems)
        problems.raise_any()

    @abstractmethod
    def _check(self, problems: Problems) -> None:
        """Say what is wrong."""

    def given(self) -> dict[str, Any]:
        """The parameters that were given, without the keys."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in HIDDEN}
        return {name: value for name, value in named.items() if value is not None}

    def print_deploy_configuration(self) -> str:
        """The same in a line; the SDK prints it."""
        return ", ".join(f"{name}: {value}" for name, value in self.given().items())


def check_labels(problems: Problems, configuration: Any) -> None:
    """Tags, properties and the description."""
    problems.texts_by_name("tags", configuration.tags)
    problems.texts_by_name("properties", configuration.properties)
    if configuration.description is not None and not isinstance(configuration.description, str):
        problems.add(f"description must be a text, not {configuration.description!r}")


def check_keys(problems: Problems, configuration: Any) -> None:
    """The two keys: different ones, and only where there is authentication by key."""
    for name in ("primary_key", "secondary_key"):
        problems.text(name, getattr(configuration, name))
    first, second = configuration.primary_key, configuration.secondary_key
    if first is not None and first == second:
        problems.add("primary_key and secondary_key must be different")
    if configuration.auth_enabled is False and (first is not None or second is not None):
        problems.add("primary_key and secondary_key need auth_enabled")
