"""A plugin made by `foreshock plugins new`, installed by pip outside the workspace, runs in the house."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from foreshock_cli.scaffold import make_project

BROKEN = """
[build-system]
requires = ["flit_core>=4,<5"]
build-backend = "flit_core.buildapi"
[project]
name = "foreshock-broken"
version = "1"
description = "raises when it is imported"
[project.entry-points.foreshock]
broken = "foreshock_broken"
"""


def install(project: Path, target: Path) -> None:
    """Have pip install a project into a folder of its own, without any index."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(project)]
    subprocess.run(command, check=True, timeout=120)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("outside")
    make_project("myvenue", place)
    install(place / "foreshock-myvenue", place / "site")
    broken = place / "foreshock-broken"
    broken.mkdir()
    (broken / "pyproject.toml").write_text(BROKEN)
    (broken / "foreshock_broken.py").write_text('"""Broken."""\nraise RuntimeError("it is what it is")\n')
    install(broken, place / "site")
    return place / "site"


def foreshock(site: Path, *words: str) -> tuple[int, dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "foreshock_cli", *words, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_it_is_listed_and_a_broken_one_beside_it_is_named(outside: Path) -> None:
    code, told = foreshock(outside, "plugins")
    found = {plugin["name"]: plugin for plugin in told["plugins"]}
    assert code == 1
    assert found["myvenue"]["distribution"] == "foreshock-myvenue"
    assert found["myvenue"]["venues"][0]["simulated"] is True
    assert found["broken"]["error"] == "RuntimeError: it is what it is"
    assert found["binance"]["error"] is None


def test_it_is_checked_by_its_name(outside: Path) -> None:
    code, told = foreshock(outside, "plugins", "check", "myvenue")
    assert (code, told["ok"]) == (0, True)


def test_its_events_come_through_the_house_beside_a_venue_of_the_project(outside: Path) -> None:
    words = ("demo", "--headless", "--scenario", "flash", "--duration", "4", "--venues", "myvenue,bybit")
    code, told = foreshock(outside, *words)
    assert code == 0, told
    assert told["ok"] is True
    assert told["events"]["processed"] == told["events"]["sent"] > 0
    assert (told["lost"], told["duplicates"]) == (0, 0)
