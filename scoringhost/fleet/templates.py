"""Templates: the supervisor's side of the warm processes that replica sets are forked from, one for each environment.

A template is started when it is first needed, and another one when it has gone; what it has forked lives on. One whose
interpreter or variables (`LD_PRELOAD`) are a service's own runs as the service's user, if that has one: code of the
service runs in it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from scoringhost.fleet.replica_request import ReplicaRequest
from scoringhost.fleet.template_process import Forked, OnEnd, TemplateFailed, TemplateProcess
from scoringhost.process.cpu_budget import THREAD_VARIABLES

AT_START = ("GLIBC_TUNABLES", "LANG", "LC_", "LD_", "MALLOC_", "OPENBLAS_", "PYTHON")
"""Variables that a program reads once, when it starts: who wants other ones is forked from another template."""

LATER = frozenset({"PYTHONPATH", "PYTHONUNBUFFERED", *THREAD_VARIABLES})
"""Of those, the ones that a replica set obeys none the less."""

NO_THREADS = {**dict.fromkeys(THREAD_VARIABLES, "1"), "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Has what a template loads start none, which a fork would lose: BLAS, and Arrow (of pandas)."""

AtStart = tuple[tuple[str, str], ...]


class Templates:
    """All templates, by interpreter and by what of the environment counts at a start. Of one event loop."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`environ`: this process's, which templates are started with."""
        self._environ = dict(environ)
        self._known: dict[tuple[str, AtStart, int | None], TemplateProcess] = {}

    async def fork(self, python: str, request: ReplicaRequest, output: int, lifeline: int, on_end: OnEnd) -> Forked:
        """Have a replica set forked in an environment; it leads a session, and a process group, of its own.

        python: path of the interpreter. output: what its standard streams are to be. lifeline: a pipe to read from.
        Both stay the caller's, who closes them. on_end: called once it has ended, also if its template has before.

        Raises:
            TemplateFailed: if there is no such interpreter, or it has no scoringhost, or can start no process.
        """
        template = self._template_for(python, request.environ, request.user)
        await template.ready()
        return await template.fork(request, (output, lifeline), on_end)

    async def warm(self, python: str) -> None:
        """Have the template of an environment ready, so that the first set need not wait for it.

        Raises:
            TemplateFailed: if it cannot be started.
        """
        await self._template_for(python, self._environ).ready()

    def _template_for(self, python: str, environ: Mapping[str, str], user: int | None = None) -> TemplateProcess:
        at_start = start_variables(environ)
        if (python, at_start) == (sys.executable, start_variables(self._environ)):
            user = None  # what runs in it is this program's own: all may be forked from it, and become others then
        template = self._known.get((python, at_start, user))
        if template is None or not template.is_there:
            others = {name: value for name, value in self._environ.items() if not _counts(name)}
            template = TemplateProcess(python, {**others, **dict(at_start), **NO_THREADS}, user)
            self._known[python, at_start, user] = template
        return template

    @property
    def pids(self) -> Sequence[int]:
        """The process ids of those that are there."""
        return [template.pid for template in self._known.values() if template.is_there]

    async def close(self) -> None:
        """End them all; what they have forked lives on, and is watched."""
        for template in self._known.values():
            await template.close()
        self._known.clear()


def start_variables(environ: Mapping[str, str]) -> AtStart:
    """Those variables that only count when a program starts."""
    return tuple(sorted((name, value) for name, value in environ.items() if _counts(name)))


def _counts(name: str) -> bool:
    return name.startswith(AT_START) and name not in LATER


__all__ = ["Forked", "TemplateFailed", "Templates", "start_variables"]
