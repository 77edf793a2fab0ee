"""Settings: every setting once, with its flag, its environment names and where its value came from.

`declaration` is the table, in parts; `whole` puts the parts together; `gathering` alone reads the
environment or a configuration file, which are arguments of `Settings.load`, so that tests pass a
dict. Flag beats environment beats file beats default; among environment names the `SCORINGHOST_*`
one beats the Azure ML one.
"""

from scoringhost.settings.addresses import address
from scoringhost.settings.declaration import (
    PREFIX,
    FunctionsSettings,
    HttpSettings,
    ServerSettings,
    ServiceSettings,
    Spec,
)
from scoringhost.settings.fleet import FleetSettings
from scoringhost.settings.gathering import FOUND_MAIN
from scoringhost.settings.hub import HubSettings
from scoringhost.settings.inference import InferenceSettings
from scoringhost.settings.kafka import KafkaSettings
from scoringhost.settings.recording import RecordingSettings
from scoringhost.settings.secret import Secret
from scoringhost.settings.whole import DEFAULT, SPECS, Settings, require_known

__all__ = [
    "DEFAULT",
    "FOUND_MAIN",
    "PREFIX",
    "SPECS",
    "FleetSettings",
    "FunctionsSettings",
    "HttpSettings",
    "HubSettings",
    "InferenceSettings",
    "KafkaSettings",
    "RecordingSettings",
    "Secret",
    "ServerSettings",
    "ServiceSettings",
    "Settings",
    "Spec",
    "address",
    "require_known",
]
