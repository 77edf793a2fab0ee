"""Names that nobody has defined: a NameError as soon as their line runs.

Python's own symtable says what a name is in each scope, so nothing need be installed for this. It
does not know what runs when: a name that is bound anywhere in the module, or by `global` in any of
its functions, counts as defined.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator

from scoringhost.checking.findings import Finding, Severity
from scoringhost.checking.source import Source

OF_MODULES = frozenset({"__file__", "__name__", "__doc__", "__spec__", "__package__", "__loader__", "__path__"})
UNSEEN = frozenset({"globals", "exec", "vars"})
"""Functions by which a script may define what cannot be seen in its text."""


def undefined_names(source: Source) -> Iterable[Finding]:
    """Names that are used and neither defined, imported nor built in; the first use of each."""
    table = symtable.symtable(source.path.read_text(encoding="utf-8"), str(source.path), "exec")
    scopes = list(_scopes(table))
    used = {one.get_name() for scope in scopes for one in scope.get_symbols() if _is_looked_up(scope, one)}
    if used & UNSEEN or any(_imports_all(node) for node in ast.walk(source.tree)):
        return
    defined = {one.get_name() for scope in scopes for one in scope.get_symbols() if _binds(scope, one)}
    missing = used - defined - OF_MODULES - set(dir(builtins))
    guarded = set(_guarded(source.tree))
    uses = [node for node in ast.walk(source.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    for node in sorted(uses, key=lambda node: node.lineno):
        if node.id in missing and node not in guarded:
            missing.discard(node.id)
            yield Finding(
                Severity.WARNING,
                "undefined-name",
                f"{node.id!r} is neither defined nor imported: a NameError as soon as this line runs",
                "Import or define it, or correct its spelling.",
                source.path,
                node.lineno,
            )


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _is_looked_up(scope: symtable.SymbolTable, symbol: symtable.Symbol) -> bool:
    """Whether a name is looked for in the module when a scope uses it."""
    return symbol.is_referenced() and (symbol.is_global() or scope.get_type() == "module")


def _binds(scope: symtable.SymbolTable, symbol: symtable.Symbol) -> bool:
    """Whether a scope binds a name in the module."""
    bound = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    return bound and (scope.get_type() == "module" or symbol.is_declared_global())


def _imports_all(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)


def _guarded(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands where a NameError is caught."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_name_error(handler) for handler in node.handlers):
            for statement in node.body:
                yield from ast.walk(statement)


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    named = ast.walk(handler.type) if handler.type is not None else ()
    return any(isinstance(node, ast.Name) and node.id == "NameError" for node in named)
