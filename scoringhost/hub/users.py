"""The system's users that services run as, where the hub is root: each service is one of its own.

They are numbers and nothing else: /etc/passwd need not know them. So the code of a service can read neither the hub's
files nor those of other services, look into their processes or end them, or reach the sockets of their workers.

BASE/deployments/ID/    a service's own group may read it, and nobody may write to it
BASE/users/NUMBER/      its HOME, which is its own; `tmp` in it is its TMPDIR

BASE is the hub's folder, or one below /var/lib/scoringhost if others cannot come as far as the hub's folder, as if it
is in /root. What is there is made anew from the hub's folder if it is gone.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import shutil
import sys
import sysconfig
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scoringhost.errors import SettingsError
from scoringhost.hub.errors import DeploymentRefused, ServiceNotFound
from scoringhost.hub.home import Home
from scoringhost.process.own_user import end_all_of, problem_as
from scoringhost.settings import Settings
from scoringhost.telemetry.logs import HOST_LOGGER

DEFAULT_RANGE = (60706, 61183)
"""Numbers that nobody else gives away: systemd leaves them unused (https://systemd.io/UIDS-GIDS/), adduser ends at
59999, and they are below 65536, which is all that a container of an ordinary user may have."""

ELSEWHERE = Path("/var/lib/scoringhost")
FOLDER, _MAKING = "users", ".making-"
OF_ROOT = (
    "TEMP",
    "TMP",
    "MAIL",
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
"""Variables of the hub's that name folders or files of its user's."""

log = logging.getLogger(HOST_LOGGER)


@dataclass(frozen=True, slots=True)
class ServiceUsers:
    """Users from `first` to `last`, and the folder that their services can come to."""

    first: int
    last: int
    base: Path

    def of(self, home: Home, service: str) -> int:
        """The user of a service, which stays the same as long as there is the service.

        A number is not given again before all others have been: what a service that is gone has left somewhere is not
        to be found by the next one.

        Raises:
            ServiceNotFound: if there is no such service.
            DeploymentRefused: if all numbers are taken.
        """
        with home.writing() as database:
            row = database.execute("SELECT user FROM services WHERE name = ?", (service,)).fetchone()
            if row is None:
                raise ServiceNotFound(service)
            if row["user"] is not None and self.first <= row["user"] <= self.last:
                return int(row["user"])
            taken = {one["user"] for one in database.execute("SELECT user FROM services WHERE user IS NOT NULL")}
            last: int = database.execute("SELECT max(user) AS user FROM last_user").fetchone()["user"] or self.first - 1
            in_turn = [*range(max(last + 1, self.first), self.last + 1), *range(self.first, self.last + 1)]
            free = next((one for one in in_turn if one not in taken), None)
            if free is None:
                raise DeploymentRefused(
                    "name", f"all {self.last - self.first + 1} users that services may be are taken"
                )
            database.execute("UPDATE services SET user = ? WHERE name = ?", (free, service))
            database.execute("DELETE FROM last_user")
            database.execute("INSERT INTO last_user VALUES (?)", (free,))
            return int(free)

    def environ_of(self, user: int) -> dict[str, str | None]:
        """The variables of a user, whose folder is made if it is not there; None for those that speak of root."""
        own = self.base / FOLDER / str(user)
        own.parent.mkdir(exist_ok=True)
        os.chmod(own.parent, 0o711)
        if not own.exists():
            # Given away as a whole, and last: in a folder that is somebody else's already, root changes nothing.
            made = Path(tempfile.mkdtemp(dir=own.parent, prefix=_MAKING))
            (made / "tmp").mkdir(mode=0o700)
            for folder in (made / "tmp", made):
                os.chown(folder, user, user)
            try:
                os.rename(made, own)
            except OSError:  # another version of the service has been quicker
                shutil.rmtree(made, ignore_errors=True)
        named = {"HOME": str(own), "TMPDIR": str(own / "tmp"), "USER": str(user), "LOGNAME": str(user)}
        return {**dict.fromkeys(OF_ROOT), **named}

    def tidy(self, home: Home) -> None:
        """Remove what users leave whose service is gone."""
        with home.reading() as database:
            kept = {str(one["user"]) for one in database.execute("SELECT user FROM services WHERE user IS NOT NULL")}
        with suppress(FileNotFoundError):
            for path in (self.base / FOLDER).iterdir():
                if path.name.isdecimal() and path.name not in kept:
                    end_all_of(int(path.name))
                    shutil.rmtree(path, ignore_errors=True)


def service_users(settings: Settings, home: Path) -> ServiceUsers | None:
    """The users that services run as; None if they run as this process does. Says so in the log, if it is root.

    To be called while this process has one thread: it forks.

    Raises:
        SettingsError: if they are wished for by a setting, and cannot be had.
    """
    wanted = settings.service_users
    if wanted == "none" or (wanted is None and os.geteuid() != 0):
        return None
    first, last = DEFAULT_RANGE if wanted is None else _range_of(wanted)
    problem = "the hub is not root" if os.geteuid() != 0 else problem_as(first, _needed())
    if problem is None:
        base, problem = _base(home, first)
    if problem is None:
        return ServiceUsers(first, last, base)
    if wanted is not None:
        raise SettingsError("service_users", wanted, problem)
    log.warning("services run as root and not as users of their own: %s", problem)
    return None


def _range_of(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 2**31):
        raise SettingsError("service_users", text, "it must be FIRST-LAST, two numbers of users, or none")
    return int(first), int(last)


def _needed() -> list[str]:
    """What a service has to be able to read: Python, its packages, and this one."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    for package in ("gunicorn", "httptools", "uvicorn"):
        folders.add(str(Path(importlib.import_module(package).__file__ or "").parent))
    return [os.path.realpath(sys.executable), str(Path(__file__).parent.parent), *sorted(folders)]


def _base(home: Path, user: int) -> tuple[Path, str | None]:
    """The folder for what services can come to, and why there is none."""
    os.chmod(home, 0o711)  # its files are nobody else's, nor are its other folders; and no one can list it
    if problem_as(user, (), [str(home)]) is None:
        return home, None
    os.chmod(home, 0o700)
    place = ELSEWHERE / hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:16]
    try:
        for folder in (ELSEWHERE, place):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            os.chmod(folder, 0o711)
        (place / "hub").write_text(f"{home}\n", encoding="utf-8", errors="surrogateescape")
        _forget_gone()
    except OSError as problem:
        return place, f"others cannot come to {home}, and {place} cannot be made: {problem.strerror}"
    return place, problem_as(user, (), [str(place)])


def _forget_gone() -> None:
    """Remove what is left of hubs whose folder is gone."""
    for path in ELSEWHERE.iterdir():
        with suppress(OSError):
            if not Path((path / "hub").read_text(encoding="utf-8", errors="surrogateescape").strip()).is_dir():
                shutil.rmtree(path, ignore_errors=True)
