"""Source: an entry script as a syntax tree, with the names that its imports stand for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed script. `names`: what an imported name stands for, such as `np` for `numpy`."""

    path: Path
    tree: ast.Module
    names: dict[str, str]
    functions: dict[str, Function]

    @classmethod
    def read(cls, path: Path) -> Source:
        """Parse a file.

        Raises:
            SyntaxError: if it is not Python.
            OSError: if it cannot be read.
        """
        tree = ast.parse(path.read_bytes(), str(path))
        functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        return cls(path, tree, dict(_imported_names(tree)), functions)

    @property
    def run_line(self) -> int | None:
        """The line of `def run`."""
        run = self.functions.get("run")
        return run.lineno if run else None

    def line_in(self, traceback: str) -> int | None:
        """The innermost line of this script that a traceback names."""
        lines = re.findall(rf'File "{re.escape(str(self.path))}", line (\d+)', traceback)
        return int(lines[-1]) if lines else None

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression refers to, as `time.sleep`; empty if it is no name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Every node of a function's body but for those of functions and classes defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
