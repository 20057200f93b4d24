"""`foreshock plugins new`: a project that works as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit

FILES = {
    "README.md",
    "pyproject.toml",
    "src/foreshock_myvenue/__init__.py",
    "src/foreshock_myvenue/connector.py",
    "src/foreshock_myvenue/plugin.py",
    "src/foreshock_myvenue/samples.py",
    "src/foreshock_myvenue/simulation.py",
    "tests/test_myvenue.py",
}


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["plugins", "new", "myvenue", "--dir", str(tmp_path)]) == Exit.OK
    assert "foreshock plugins check" in capsys.readouterr().err
    return tmp_path / "foreshock-myvenue"


def test_it_has_everything_and_its_name_everywhere(project: Path) -> None:
    written = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert written == FILES
    assert not [path for path in project.rglob("*.*") if path.is_file() and "template" in path.read_text().lower()]


def test_its_own_tests_pass_and_its_types_hold(project: Path) -> None:
    source = str(project / "src")
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}
    for command in (
        ("pytest", "-q", "-p", "no:cacheprovider", "tests"),
        ("mypy", "--strict", "--cache-dir", "", "src"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=project,
            env=clean,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_written_is_told_to_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", "myvenue", "--dir", str(tmp_path), "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["project"] == str(tmp_path / "foreshock-myvenue")
    assert {str(Path(file).relative_to(told["project"])) for file in told["files"]} == FILES


def test_a_folder_that_is_there_is_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "README.md").write_text("mine")
    assert main(["plugins", "new", "myvenue", "--dir", str(project.parent)]) == Exit.FAILED
    assert "exists already" in capsys.readouterr().err
    assert (project / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["My-Venue", "1x", "a b", "", "../x", "x"])
def test_a_name_must_be_a_venues(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "new", name, "--dir", str(tmp_path)]) == Exit.USAGE
    assert f"NAME: {name!r} is not a venue's name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
