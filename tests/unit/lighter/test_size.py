from __future__ import annotations

import ast
from pathlib import Path

import foreshock_lighter.connector

LINES = 60


def lines_of_code(source: str) -> int:
    """Count lines that are neither blank, comment, docstring nor import."""
    silent: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            silent |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            silent |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(1 for at, line in lines if at not in silent and line.strip() and not line.strip().startswith("#"))


def test_a_venue_takes_less_than_sixty_lines() -> None:
    source = Path(str(foreshock_lighter.connector.__file__)).read_text(encoding="utf-8")
    assert lines_of_code(source) < LINES
