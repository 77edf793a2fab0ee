"""scoringhost hub add-user and its like: the file of who may log in to a hub.

Exit codes: 0; 1 if it cannot be done; 2 for a usage error.
"""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from scoringhost.cli.model import FAILED, hub_errors
from scoringhost.cli.options import FILE, Verb
from scoringhost.hub.access import Role

F = TypeVar("F", bound=Callable[..., Any])
SHORT = 8
"""Characters below which a password is warned of (NIST SP 800-63B, 5.1.1.2)."""


def in_users(function: F) -> F:
    """The option that says which file is meant."""
    return click.option("--users", type=FILE, required=True, help="The file of who may log in.")(function)


def of_role(function: F) -> F:
    """The option that says what somebody is."""
    return click.option("--role", type=click.Choice([str(role) for role in Role]), required=True, help="What he is.")(
        function
    )


@click.command(
    cls=Verb,
    short_help="Let somebody log in.",
    examples=("scoringhost hub add-user --users users --role contributor ann < password",),
)
@in_users
@of_role
@click.argument("name")
def add_user(users: str, role: str, name: str) -> None:
    """Add NAME to the file, which is made if it is not there. The password is read from standard input."""
    from scoringhost.hub.accounts.passwords import hashed
    from scoringhost.hub.accounts.users_file import User, changing, require_name

    with _failures(users):
        require_name(name)
        kept = hashed(_password())
        with changing(Path(users)) as found:
            if name in found:
                raise ValueError(f"there is a user {name!r} already; set-password and set-role change him")
            found[name] = User(Role(role), kept)


@click.command(
    cls=Verb, short_help="Let somebody log in no more.", examples=("scoringhost hub remove-user --users users ann",)
)
@in_users
@click.argument("name")
def remove_user(users: str, name: str) -> None:
    """Take NAME out of the file. A running hub knows within a second, and his tokens are dead."""
    from scoringhost.hub.accounts.users_file import changing

    with _failures(users), changing(Path(users)) as found:
        _require(name in found, name)
        del found[name]


@click.command(
    cls=Verb,
    short_help="Change somebody's password.",
    examples=("scoringhost hub set-password --users users ann < password",),
)
@in_users
@click.argument("name")
def set_password(users: str, name: str) -> None:
    """Give NAME another password, which is read from standard input. His tokens are dead then."""
    from scoringhost.hub.accounts.passwords import hashed
    from scoringhost.hub.accounts.users_file import changing

    with _failures(users):
        kept = hashed(_password())
        with changing(Path(users)) as found:
            _require(name in found, name)
            found[name] = found[name]._replace(kept=kept)


@click.command(
    cls=Verb,
    short_help="Change what somebody may do.",
    examples=("scoringhost hub set-role --users users --role owner ann",),
)
@in_users
@of_role
@click.argument("name")
def set_role(users: str, role: str, name: str) -> None:
    """Give NAME another role, which holds for tokens that he has, too."""
    from scoringhost.hub.accounts.users_file import changing

    with _failures(users), changing(Path(users)) as found:
        _require(name in found, name)
        found[name] = found[name]._replace(role=Role(role))


@click.command(
    cls=Verb, short_help="Show who may log in, and as what.", examples=("scoringhost hub list-users --users users",)
)
@in_users
def list_users(users: str) -> None:
    """Show the names and roles of the file."""
    from scoringhost.hub.accounts.users_file import read_users

    with _failures(users):
        for name, user in read_users(Path(users)).items():
            click.echo(f"{name} {user.role}")


VERBS = (add_user, remove_user, set_password, set_role, list_users)


@contextlib.contextmanager
def _failures(users: str) -> Iterator[None]:
    try:
        with hub_errors():
            yield
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else str(problem)
        click.echo(f"scoringhost: {users}: {why}", err=True)
        raise click.exceptions.Exit(FAILED) from None


def _require(is_there: bool, name: str) -> None:
    if not is_there:
        raise ValueError(f"there is no user {name!r}")


def _password() -> str:
    """The first line of standard input, or what is typed unseen. Never an argument, which other users could see."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise ValueError("the passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise ValueError("a password is expected on standard input")
    if len(password) < SHORT:
        click.echo(f"scoringhost: warning: the password has fewer than {SHORT} characters", err=True)
    return password
