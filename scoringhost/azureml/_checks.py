"""Checks of configurations: all that is wrong is said at once, one line for each thing, by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scoringhost.azureml.exceptions import WebserviceException


class Problems:
    """What is wrong with a configuration. A value of None was not given, and is never wrong."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, text: str) -> None:
        """Say one more thing."""
        self._lines.append(f"Invalid configuration, {text}.")

    def raise_any(self) -> None:
        """Raise a WebserviceException with all of it, if there is anything."""
        if self._lines:
            raise WebserviceException("\n".join(self._lines))

    def is_number(self, name: str, value: Any, *, is_whole: bool = False) -> bool:
        """Whether it was given and is a number; says so if it is none."""
        if value is None:
            return False
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.add(f"{name} must be a number, not {value!r}")
            return False
        if is_whole and value != int(value):
            self.add(f"{name} must be a whole number, not {value!r}")
            return False
        return True

    def positive(self, name: str, value: Any, *, is_whole: bool = False) -> None:
        """It must be greater than zero."""
        if self.is_number(name, value, is_whole=is_whole) and value <= 0:
            self.add(f"{name} must be greater than zero, not {value!r}")

    def not_negative(self, name: str, value: Any) -> None:
        """It must be a whole number from zero on."""
        if self.is_number(name, value, is_whole=True) and value < 0:
            self.add(f"{name} must be greater than or equal to zero, not {value!r}")

    def truth(self, name: str, value: Any) -> None:
        """It must be True or False."""
        if value is not None and not isinstance(value, bool):
            self.add(f"{name} must be True or False, not {value!r}")

    def text(self, name: str, value: Any) -> None:
        """It must be a text with something in it."""
        if value is not None and (not isinstance(value, str) or not value):
            self.add(f"{name} must be a text, not {value!r}")

    def texts_by_name(self, name: str, value: Any) -> None:
        """It must be a dict of texts, or of what is written as such."""
        if value is None:
            return
        if not isinstance(value, Mapping):
            self.add(f"{name} must be a dict, not {value!r}")
            return
        for key, one in value.items():
            if not isinstance(key, str) or not isinstance(one, str | int | float):
                self.add(f"{name} must have texts for keys and values, not {key!r}: {one!r}")

    def not_below(self, name: str, value: Any, least_name: str, least: Any) -> None:
        """A limit must not be below what is requested; of what is no number nothing is said here."""
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (value, least))
        if numbers and value < least:
            self.add(f"{name} must be greater than or equal to {least_name} ({least}), not {value!r}")
