"""Settings: all parts as one frozen value, made by `Settings.load`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from scoringhost.settings.declaration import (
    FunctionsSettings,
    HttpSettings,
    Part,
    ServerSettings,
    ServiceSettings,
    Spec,
    specs_of,
)
from scoringhost.settings.fleet import FleetSettings
from scoringhost.settings.gathering import gather
from scoringhost.settings.hub import HubSettings
from scoringhost.settings.inference import InferenceSettings
from scoringhost.settings.kafka import KafkaSettings
from scoringhost.settings.recording import RecordingSettings

P = TypeVar("P", bound=Part)

DEFAULT = "default"
"""The origin of a value that nobody has given."""


# The bases stand in reverse: dataclasses take the fields of the last one first, and the table begins with the service.
@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(
    FunctionsSettings,
    HubSettings,
    FleetSettings,
    KafkaSettings,
    RecordingSettings,
    InferenceSettings,
    HttpSettings,
    ServerSettings,
    ServiceSettings,
):
    """All settings of a host.

    `server`, `service`, `http`, `inference`, `recording`, `kafka` and `functions` are views of a part, for what needs
    no more than that.
    """

    unread: tuple[tuple[str, str | None], ...] = dataclasses.field(default=(), repr=False, compare=False)
    """Names that are no setting: each with the file that it is in, or None for the environment."""

    open_telemetry: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """The variables OTEL_*, which are a standard of their own: its SDK reads most of them itself."""

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        flags: Mapping[str, tuple[str, object]] | None = None,
        working_dir: str | Path = ".",
        *,
        takes_fleets: bool = False,
    ) -> tuple[Settings, list[str]]:
        """Gather the settings; answers them and the warnings to log once logging is set up.

        `flags` maps field names to (flag as typed, value). Relative paths are taken from
        `working_dir`. What another host of this process has put into `environ` is no setting.
        `takes_fleets`: a script that is a folder of services is taken as it is, and `fleet` is true then.

        Raises:
            SettingsError: if a value cannot be used, or a named configuration file cannot be read.
        """
        gathered = gather(environ, dict(flags or {}), Path(working_dir).resolve(), SPECS, takes_fleets)
        otel = {name: value for name, value in gathered.environ.items() if name.startswith("OTEL_") and value}
        loaded = cls(**gathered.values, origins=gathered.origins, unread=tuple(gathered.unread), open_telemetry=otel)
        return loaded, gathered.warnings

    @property
    def open_to_all(self) -> Settings:
        """The same without keys, tokens and rates, for requests that the owner of the script makes in this process."""
        return dataclasses.replace(
            self, primary_key=None, secondary_key=None, keys_file=None, token_keys=None, rate_limit=None
        )

    @property
    def given_name(self) -> str:
        """`service_name`, and `:service_version`, as far as somebody has set them; empty without a name."""
        if self.origins.get("service_name", DEFAULT) == DEFAULT:
            return ""
        if self.origins.get("service_version", DEFAULT) == DEFAULT:
            return self.service_name
        return f"{self.service_name}:{self.service_version}"

    @cached_property
    def service(self) -> ServiceSettings:
        """The part for one service."""
        return self._part(ServiceSettings)

    @cached_property
    def server(self) -> ServerSettings:
        """The part for the server."""
        return self._part(ServerSettings)

    @cached_property
    def http(self) -> HttpSettings:
        """The part for HTTP."""
        return self._part(HttpSettings)

    @cached_property
    def inference(self) -> InferenceSettings:
        """The part for the Open Inference Protocol."""
        return self._part(InferenceSettings)

    @cached_property
    def recording(self) -> RecordingSettings:
        """The part for what is kept of requests."""
        return self._part(RecordingSettings)

    @cached_property
    def kafka(self) -> KafkaSettings:
        """The part for the Kafka door."""
        return self._part(KafkaSettings)

    @cached_property
    def functions(self) -> FunctionsSettings:
        """The part for Azure Functions."""
        return self._part(FunctionsSettings)

    def _part(self, part: type[P]) -> P:
        names = specs_of(part)
        origins = {name: origin for name, origin in self.origins.items() if name in names}
        return part(**{name: getattr(self, name) for name in names}, origins=origins)

    def unrecorded(self) -> Settings:
        """The same, but that nothing is kept of requests: for those that are no callers of a service."""
        return dataclasses.replace(self, collect=False, collect_to=None, record_failures=None)

    def describe(self) -> list[tuple[str, str, str]]:
        """Rows (name, value, where it came from) for every setting; a secret shows only that it is given."""
        rows = []
        for name in SPECS:
            value = getattr(self, name)
            rows.append((name, "" if value is None else str(value), self.origins.get(name, DEFAULT)))
        return rows

    def script_environment(self) -> dict[str, str | None]:
        """What Azure ML promises an entry script to find in its environment; None: nothing of that name."""
        return {
            "AML_APP_ROOT": self.app_root,
            "AZUREML_ENTRY_SCRIPT": self.script,
            "AZUREML_MODEL_DIR": self.model_dir,
            "WORKER_COUNT": str(self.workers),
            "SERVER_PORT": str(self.port),
            "AML_APP_INSIGHTS_ENABLED": str(self.app_insights_enabled and self.app_insights_key is not None).lower(),
        }


SPECS: dict[str, Spec] = specs_of(Settings)


def require_known(names: Iterable[str]) -> None:
    """Let names through that are those of settings.

    Raises:
        TypeError: if one is not; it names all that are none.
    """
    unknown = sorted(set(names) - set(SPECS))
    if unknown:
        raise TypeError(f"scoringhost knows no setting {', '.join(unknown)}")
