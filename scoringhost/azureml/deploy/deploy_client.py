"""DeployClient: a client, of the class that it is told to use."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scoringhost.azureml.common import Configuration, HttpClient
from scoringhost.azureml.deploy.operationalization import Operationalization

if TYPE_CHECKING:
    from scoringhost.azureml.deploy.server import MLServer as _Base
else:
    _Base = object

DEFAULT = "scoringhost.azureml.deploy.server.MLServer"


class DeployClient(_Base):
    """Deploys services to a server, lists them, calls and removes them; see `MLServer`."""

    def __new__(cls, host: str, auth: Any = None, use: Any = None) -> DeployClient:
        """An object that is a DeployClient and one of the class `use`.

        use: a class, its name, or a module that has one class of services, or its name and file; MLServer if it is
        not named.

        Raises:
            ImportError: if there is no such class.
        """
        if Operationalization in cls.__mro__:
            return object.__new__(cls)
        used = _used(use)
        return object.__new__(type(f"{cls.__name__}Of{used.__name__}", (cls, used), {"__module__": __name__}))

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
        self.destructor()


def _used(use: Any) -> type[Operationalization]:
    if use is None:
        use = DEFAULT
    if isinstance(use, str):
        use = _imported(use)
    elif isinstance(use, tuple) and len(use) == 2:
        use = _loaded(*use)
    if isinstance(use, ModuleType):
        found = [
            one for one in vars(use).values()
            if inspect.isclass(one) and issubclass(one, Operationalization) and not inspect.isabstract(one)
        ]  # fmt: skip
        own = [one for one in found if one.__module__ == use.__name__] or found
        if len(own) != 1:
            raise ImportError(f"use={use.__name__}: it has not one class of services, but {len(own)}")
        return own[0]
    if inspect.isclass(use) and issubclass(use, Operationalization):
        return use
    raise ImportError(f"use={use!r} is no class of services")


def _imported(name: str) -> Any:
    """What a name means: `MLServer`, or a module, or a class in a module."""
    if name == "MLServer":
        name = DEFAULT
    module, _, last = name.rpartition(".")
    if module and last[:1].isupper():
        found = getattr(importlib.import_module(module), last, None)
        if found is None:
            raise ImportError(f"use={name!r}: there is no {last} in {module}")
        return found
    return importlib.import_module(name)


def _loaded(name: str, path: str) -> ModuleType:
    """A module from a file."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"use={path!r} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except OSError as problem:
        raise ImportError(f"use={path!r} cannot be read: {problem.strerror}") from None
    return module
