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
    """A parsed script, without what it does only when run by hand.

    `names`: what an imported name stands for, such as `np` for `numpy`.
    """

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
        if path.suffix != ".py":
            return cls(path, ast.Module([], []), {}, {})  # a model, which has no source
        tree = _Served().visit(ast.parse(path.read_bytes(), str(path)))
        functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        return cls(path, tree, dict(_imported_names(tree)), functions)

    @property
    def is_model(self) -> bool:
        """Whether it is a model, which has no source."""
        return self.path.suffix != ".py"

    @property
    def run_line(self) -> int | None:
        """The line of `def run`."""
        run = self.functions.get("run")
        return run.lineno if run else None

    def line_in(self, traceback: str) -> int | None:
        """The innermost line of this script that a traceback names."""
        lines = re.findall(rf'File "{re.escape(str(self.path))}", line (\d+)', traceback)
        return int(lines[-1]) if lines else None

    def line_of_import(self, module: str) -> int | None:
        """The first line that imports a module, or something in it."""
        for node in ast.walk(self.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(f"{name}.".startswith(f"{module}.") for name in names):
                return node.lineno  # type: ignore[attr-defined, no-any-return]
        return None

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression refers to, as `time.sleep`; empty if it is no name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


class _Served(ast.NodeTransformer):
    """Leaves out what is under `if __name__ == "__main__":` or `if TYPE_CHECKING:`: neither runs when it is served."""

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if _by_hand(node.test) or _for_checkers(node.test) else node


def _for_checkers(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _by_hand(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_by_hand, test.values))
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq) or len(test.ops) > 1:
        return False
    return {ast.unparse(side) for side in (test.left, *test.comparators)} == {"__name__", "'__main__'"}


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def own_nodes(function: Function | ast.Module) -> Iterator[ast.AST]:
    """Every node of the body of a function, or of a script, but for those of functions and classes defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
