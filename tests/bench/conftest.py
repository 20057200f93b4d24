"""Figures of benches: printed for people, and written as JSON where `foreshock bench --json` asks for it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Record = Callable[[str, float, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", metavar="FILE", help="write what benches measure as JSON")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[dict[str, float]]:
    """Collect figures by name, units in the name."""
    found: dict[str, float] = {}
    yield found
    where = request.config.getoption("--figures")
    if where is not None:
        machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
        Path(where).write_text(json.dumps({"machine": machine, "figures": found}), encoding="utf-8")


@pytest.fixture
def record(figures: dict[str, float]) -> Record:
    """Take a figure: its name, its value, and how people should read it (a format with {})."""

    def take(name: str, value: float, words: str) -> None:
        figures[name] = float(f"{value:.4g}")
        print(f"\n{words.format(value)}", end="")

    return take
