"""RunSignature: what a run() takes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from scoringhost.schema.tensors import AsGiven
from scoringhost.script.signature import (
    REQUIRED,
    Declarations,
    DeclaredInput,
    RunSignature,
    Takes,
    rawhttp,
    undeclared,
)


def read(run: Callable[..., Any], *inputs: str) -> RunSignature:
    declared = {name: DeclaredInput(AsGiven()) for name in inputs}
    return RunSignature.read(run, Declarations(run, declared, True) if inputs else undeclared(run))


def wrapped(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def around(*args: Any, **kwargs: Any) -> Any:
        return run(*args, **kwargs)

    return around


def test_a_plain_run_takes_the_body_as_text() -> None:
    def run(data): ...

    assert (read(run).takes, read(run).names) == (Takes.TEXT, ("data",))


def test_a_declared_run_takes_named_parameters_in_their_order() -> None:
    def run(b, a=2): ...

    signature = read(run, "a", "b")
    assert signature.takes is Takes.NAMED
    assert [(one.name, one.default) for one in signature.parameters] == [("b", REQUIRED), ("a", 2)]


def test_a_marked_run_takes_the_request() -> None:
    @rawhttp
    def run(request): ...

    assert read(run).takes is Takes.RAW


def test_the_mark_is_found_below_a_decorator_of_the_users_own() -> None:
    @wrapped
    @rawhttp
    def run(request): ...

    assert read(run).takes is Takes.RAW


def test_marking_a_helper_says_nothing_about_run() -> None:
    @rawhttp
    def helper(request): ...

    def run(data): ...

    assert read(run).takes is Takes.TEXT


def test_request_headers_are_no_parameter_of_the_request() -> None:
    def run(data, request_headers): ...

    signature = read(run)
    assert signature.wants_headers
    assert signature.names == ("data",)


def test_a_parameter_may_be_given_by_keyword_only() -> None:
    def run(*, data): ...

    assert read(run, "data").names == ("data",)


def test_further_arguments_with_defaults_are_left_alone() -> None:
    def run(data, threshold=0.5): ...

    assert read(run).takes is Takes.TEXT


async def coroutine(data): ...


async def async_generator(data):
    yield data


def test_a_run_is_async_if_it_or_what_it_wraps_is() -> None:
    runs: list[Callable[..., Any]] = [coroutine, async_generator, functools.partial(coroutine), wrapped(coroutine)]
    assert [read(run).is_async for run in runs] == [True, True, True, True]


def test_a_generator_function_is_not_async() -> None:
    def run(data):
        yield data

    assert not read(run).is_async


def test_an_object_whose_call_is_async_is_async() -> None:
    # inspect.iscoroutinefunction() says no to an instance.
    class Model:
        async def __call__(self, data): ...

    assert read(Model()).is_async


def test_an_object_that_can_be_called_is_read_without_self() -> None:
    class Model:
        def __call__(self, data): ...

    assert read(Model()).names == ("data",)


def positional_only(data, /): ...
def star(*data): ...
def double_star(**data): ...
def nothing(): ...
def headers_only(request_headers): ...
def two(data, other): ...


@pytest.mark.parametrize("run", [positional_only, star, double_star])
def test_arguments_without_a_name_are_refused(run: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"positional-only arguments, \*args or \*\*kwargs"):
        read(run)


@pytest.mark.parametrize("run", [nothing, headers_only])
def test_a_run_without_a_place_for_the_input_is_refused(run: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="needs an argument for the input"):
        read(run)


def test_a_second_argument_that_no_request_can_fill_is_named() -> None:
    with pytest.raises(ValueError, match="give other a default or declare it"):
        read(two)


def test_an_input_that_run_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match="names dta, which run"):
        read(two, "dta", "data", "other")


def test_a_marked_run_cannot_be_declared_too() -> None:
    @rawhttp
    def run(data): ...

    with pytest.raises(ValueError, match="both @rawhttp and @input_schema"):
        read(run, "data")


def test_the_run_of_a_batch_script_says_which_command_calls_it() -> None:
    def run(mini_batch: Any, mini_batch_context: Any) -> None: ...

    with pytest.raises(ValueError, match="scoringhost batch"):
        RunSignature.read(run, undeclared(run))
