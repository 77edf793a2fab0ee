"""The stand-ins: for which modules there are any, and what they say of themselves."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from scoringhost.script.stand_ins import mlserver

_HERE = "scoringhost.script.stand_ins"

_MODEL = "Model.get_model_path() finds a model in the model folder; nothing else of azureml-core is there"
_AUTOML = "what log_traceback() is given goes to the log, and no telemetry is sent"
_JOBLIB = "scikit-learn no longer has it, so it is the installed joblib; write `import joblib`"
_COLLECTOR = "what is given to collect() is kept where --collect-to says, and not at all without it"


@dataclass(frozen=True, slots=True)
class StandIn:
    """One module that is answered.

    name: under which scripts import it. says: what it does, in a clause for the log. source: the
    module in which its names are; "" for one that only leads to others. is_another: whether it is
    not filled, but is the module that `source` names. even_if_installed: whether it is answered
    where the package of that name is there.
    """

    name: str
    says: str
    source: str = ""
    names: tuple[str, ...] = ()
    is_package: bool = False
    is_another: bool = field(default=False, kw_only=True)
    even_if_installed: bool = field(default=False, kw_only=True)

    def content(self) -> Iterator[tuple[str, object]]:
        """The names in it and what they stand for; `source` is imported for that."""
        if self.source:
            module = importlib.import_module(self.source)
            for name in self.names:
                yield name, getattr(module, name)


_BATCH = "EntryScript() has the logger and the folders that a batch script of Azure ML asks for"

_CONTEXTS = ("CorrelationContext", "BasicCorrelationContext", "get_context")
_LOG_SERVER = (
    "enable_telemetry", "set_verbosity", "update_custom_dimension", "update_custom_dimensions", "install_sockethandler",
)  # fmt: skip

STAND_INS = {
    one.name: one
    for one in (
        StandIn("azureml.core", _MODEL, f"{_HERE}.models", ("Model",), is_package=True),
        StandIn("azureml.core.model", _MODEL, f"{_HERE}.models", ("Model",)),
        StandIn("azureml.automl", _AUTOML, is_package=True),
        StandIn("azureml.automl.core", _AUTOML, is_package=True),
        StandIn("azureml.automl.core.shared", _AUTOML, is_package=True),
        StandIn("azureml.automl.core.shared.log_server", _AUTOML, f"{_HERE}.automl", _LOG_SERVER),
        StandIn(
            "azureml.automl.core.shared.logging_utilities", _AUTOML, f"{_HERE}.automl", ("log_traceback", "get_logger")
        ),
        StandIn("azureml.telemetry", _AUTOML, f"{_HERE}.automl", ("INSTRUMENTATION_KEY",)),
        StandIn("sklearn.externals.joblib", _JOBLIB, "joblib", is_another=True),
        # The published azureml-monitoring loads a library of its own that no current system has.
        StandIn(
            "azureml.monitoring",
            _COLLECTOR,
            f"{_HERE}.collectors",
            ("ModelDataCollector",),
            even_if_installed=True,
        ),
        StandIn("azureml_user", _BATCH, is_package=True),
        StandIn("azureml_user.parallel_run", _BATCH, f"{_HERE}.parallel_run", ("EntryScript",)),
        StandIn("azureml.ai", _COLLECTOR, is_package=True),
        StandIn("azureml.ai.monitoring", _COLLECTOR, f"{_HERE}.collectors", ("Collector",), is_package=True),
        StandIn("azureml.ai.monitoring.context", _COLLECTOR, f"{_HERE}.collectors", _CONTEXTS),
        *(
            StandIn(name, mlserver.SAYS, source, names, is_package=name in mlserver.PACKAGES)
            for name, (source, names) in mlserver.MODULES.items()
        ),
    )
}


def is_answered(name: str) -> bool:
    """Whether there is a stand-in for a module, or one with such a name in it."""
    module, _, inner = name.rpartition(".")
    return name in STAND_INS or (module in STAND_INS and inner in STAND_INS[module].names)
