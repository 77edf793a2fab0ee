"""MLServer's types: requests, responses and metadata of the Open Inference Protocol as pydantic models.

The names and fields are those of MLServer 1.3 to 1.7. Its 1.3 stood on pydantic 1, so `.dict()`, `.json()`,
`parse_raw()`, `parse_obj()` and `__root__` are answered, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Self

import pydantic
from pydantic import ConfigDict, RootModel

from scoringhost.schema.tensor_metadata import Array

_UNSET = object()


class _OldSpellings(pydantic.BaseModel):
    """pydantic 1's names for what its 2 has; without the warnings of pydantic's own."""

    def dict(self, **options: Any) -> dict[str, Any]:
        """`model_dump`."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """`model_dump_json`."""
        return self.model_dump_json(**options)

    def copy(self, *, deep: bool = False, **options: Any) -> Self:
        """`model_copy`."""
        return self.model_copy(deep=deep, **options)

    @classmethod
    def parse_obj(cls, obj: Any) -> Self:
        """`model_validate`."""
        return cls.model_validate(obj)

    @classmethod
    def parse_raw(cls, b: str | bytes, **unused: Any) -> Self:
        """`model_validate_json`."""
        return cls.model_validate_json(b)


class BaseModel(_OldSpellings):
    """What all of these have in common: fields that were not given are left out, and so is None."""

    model_config = ConfigDict(protected_namespaces=(), use_enum_values=True)

    def model_dump(self, *, exclude_unset: bool = True, exclude_none: bool = True, **options: Any) -> dict[str, Any]:
        """As a dict."""
        return super().model_dump(exclude_unset=exclude_unset, exclude_none=exclude_none, **options)

    def model_dump_json(self, *, exclude_unset: bool = True, exclude_none: bool = True, **options: Any) -> str:
        """As JSON text."""
        return super().model_dump_json(exclude_unset=exclude_unset, exclude_none=exclude_none, **options)


class Datatype(Enum):
    """The datatypes. A tensor's `datatype` holds the name, which is the value here."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"


class Parameters(BaseModel):
    """Parameters of a request, a response or a tensor: those two, and any others."""

    model_config = ConfigDict(extra="allow")

    content_type: str | None = None
    headers: dict[str, Any] | None = None


class TensorData(_OldSpellings, RootModel[Any]):
    """The elements of a tensor, a flat or a nested list, in `root`.

    What came over the wire is an array, and becomes a list when somebody asks for one: `NumpyCodec` does not, which
    saves a hundred bytes for each number of a large tensor.
    """

    root: Any

    _array: Any = pydantic.PrivateAttr(default=None)

    def __init__(self, /, root: Any = _UNSET, **data: Any) -> None:
        if "__root__" in data:
            root = data.pop("__root__")
        if root is not _UNSET:
            data["root"] = root
        pydantic.RootModel.__init__(self, **data)

    @classmethod
    def of(cls, array: Array) -> TensorData:
        """The elements of an array, as a flat list when they are asked for; the array is not copied."""
        made = cls.model_construct(root=None)
        del made.__dict__["root"]
        made._array = array
        return made

    @property
    def array(self) -> Array | None:
        """The array that came, as long as nobody has asked for the list, which may be changed."""
        return None if "root" in self.__dict__ else self._array

    def __getattr__(self, name: str) -> Any:
        if name == "__root__":
            return self.root
        if name != "root":
            return super().__getattr__(name)  # type: ignore[misc]
        elements = self.__dict__["root"] = self._array.ravel().tolist()
        return elements

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return iter(self.root)

    def __getitem__(self, at: Any) -> Any:
        return self.root[at]

    def __len__(self) -> int:
        return len(self.root)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorData) and bool(self.root == other.root)

    __hash__ = None  # type: ignore[assignment]


class MetadataTensor(BaseModel):
    """One input or output in a model's metadata."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: Parameters | None = None


class RequestInput(BaseModel):
    """One input tensor of a request."""

    name: str
    shape: list[int]
    datatype: Datatype
    parameters: Parameters | None = None
    data: TensorData


class ResponseOutput(BaseModel):
    """One output tensor of a response."""

    name: str
    shape: list[int]
    datatype: Datatype
    parameters: Parameters | None = None
    data: TensorData


class RequestOutput(BaseModel):
    """One output that is asked for."""

    name: str
    parameters: Parameters | None = None


class InferenceRequest(BaseModel):
    """What is to be inferred."""

    id: str | None = None
    parameters: Parameters | None = None
    inputs: list[RequestInput]
    outputs: list[RequestOutput] | None = None


class InferenceResponse(BaseModel):
    """What was inferred."""

    model_name: str
    model_version: str | None = None
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[ResponseOutput]


class MetadataModelResponse(BaseModel):
    """What a model says about itself."""

    name: str
    versions: list[str] | None = None
    platform: str
    inputs: list[MetadataTensor] | None = None
    outputs: list[MetadataTensor] | None = None
    parameters: Parameters | None = None


class MetadataServerResponse(BaseModel):
    """What a server says about itself."""

    name: str
    version: str
    extensions: list[str]


class MetadataServerErrorResponse(BaseModel):
    """Why there is no metadata of the server."""

    error: str


class MetadataModelErrorResponse(BaseModel):
    """Why there is no metadata of a model."""

    error: str


class InferenceErrorResponse(BaseModel):
    """Why nothing was inferred."""

    error: str | None = None


class RepositoryIndexRequest(BaseModel):
    """Which models are asked for: all, or those that are ready."""

    ready: bool | None = None


class State(Enum):
    """The states of a model in a repository."""

    UNKNOWN = "UNKNOWN"
    READY = "READY"
    UNAVAILABLE = "UNAVAILABLE"
    LOADING = "LOADING"
    UNLOADING = "UNLOADING"


class RepositoryIndexResponseItem(BaseModel):
    """One model of a repository."""

    name: str
    version: str | None = None
    state: State
    reason: str


class RepositoryIndexResponse(_OldSpellings, RootModel[list[RepositoryIndexResponseItem]]):
    """The models of a repository, in `root`."""

    root: list[RepositoryIndexResponseItem]

    def __iter__(self) -> Iterator[RepositoryIndexResponseItem]:  # type: ignore[override]
        return iter(self.root)

    def __getitem__(self, at: int) -> RepositoryIndexResponseItem:
        return self.root[at]

    def __len__(self) -> int:
        return len(self.root)


class RepositoryLoadErrorResponse(BaseModel):
    """Why a model was not loaded."""

    error: str | None = None


class RepositoryUnloadErrorResponse(BaseModel):
    """Why a model was not unloaded."""

    error: str | None = None
