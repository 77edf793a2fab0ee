"""DeployClient: a client, of the class that it is told to use."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.common import Configuration, HttpClient
from scoringhost.azureml.deploy._operations import Operationalization

if TYPE_CHECKING:
    from scoringhost.azureml.deploy.server import MLServer

    _Base = MLServer
else:
    _Base = object


class DeployClient(_Base):
    """Deploys services to a server, lists them, calls and removes them; see `MLServer`."""

    def __new__(cls, host: str, auth: Any = None, use: Any = None) -> DeployClient:
        """An object that is a DeployClient and one of the class `use`, or of the only one in the module `use`.

        Raises:
            ImportError: if there is no such class.
        """
        if issubclass(cls, Operationalization):
            return object.__new__(cls)
        used = _used(use)
        return object.__new__(type(f"{cls.__name__}Of{used.__name__}", (cls, used), {}))

    def __init__(self, host: str, auth: Any = None, use: Any = None) -> None:
        """host: the server's address. auth: a name and a password, a token, or a dict for Azure Active Directory.

        Raises:
            HttpException: if the server, or the directory, lets nobody in with that.
        """
        configuration = Configuration()
        self.initializer(HttpClient(host), configuration)
        if auth is not None:
            try:
                self.authentication(auth)
            except BaseException:
                self.destructor()
                raise

    def __enter__(self) -> DeployClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.destructor()

    def __del__(self) -> None:
        if hasattr(self, "_http"):
            self.destructor()


def _used(use: Any) -> type[Operationalization]:
    if use is None:
        use = "scoringhost.azureml.deploy.server"
    if isinstance(use, str):
        use = importlib.import_module(use)
    if isinstance(use, ModuleType):
        found = [
            one for one in vars(use).values()
            if inspect.isclass(one) and issubclass(one, Operationalization) and one is not Operationalization
        ]  # fmt: skip
        if len(found) != 1:
            raise ImportError(f"use={use.__name__} has not one class of services")
        return found[0]
    if inspect.isclass(use) and issubclass(use, Operationalization):
        return use
    raise ImportError(f"use={use!r} is no class of services")
