"""Import contracts of the workspace: the tree keeps them, and each one notices a seeded violation."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "pyproject.toml"
SETTINGS = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["id"] for contract in SETTINGS["contracts"]}
MODULES = ("__init__", "__main__", "app", "control", "edge", "domain/__init__", "domain/core")

# contract, the module that breaks it, what that module imports
VIOLATIONS = [
    ("layers", "foreshock_velocity/edge", "foreshock_signals.edge"),
    ("layers", "foreshock_archive/edge", "foreshock_velocity.edge"),
    ("layers", "foreshock_runtime/edge", "foreshock_feeds.edge"),
    ("layers", "foreshock_model/edge", "foreshock_protos.edge"),
    ("layers", "foreshock_sdk/edge", "foreshock_model.edge"),
    ("layers", "foreshock_lab/edge", "foreshock_cli.edge"),
    ("plugins-know-the-sdk", "foreshock_okx/edge", "foreshock_model.edge"),
    ("plugins-are-apart", "foreshock_okx/edge", "foreshock_bybit.edge"),
    ("plugins-are-found", "foreshock_feeds/edge", "foreshock_binance.edge"),
    ("pure-middle", "foreshock_sdk/edge", "os"),
    ("pure-middle", "foreshock_model/edge", "random"),
    ("pure-middle", "foreshock_signals/domain/core", "time"),
    ("pure-middle", "foreshock_feeds/domain/core", "asyncio"),
    ("pure-middle", "foreshock_velocity/domain/core", "logging.handlers"),
    ("pure-middle", "foreshock_velocity/domain/core", "foreshock_runtime.edge"),
    ("inside-a-service", "foreshock_velocity/domain/core", "foreshock_velocity.app"),
    ("inside-a-service", "foreshock_feeds/app", "foreshock_feeds.__main__"),
    ("apps-are-started", "foreshock_signals/edge", "foreshock_signals.app"),
    ("apps-are-started", "foreshock_cli/edge", "foreshock_feeds.app"),
    ("archive-domain", "foreshock_archive/domain/core", "foreshock_archive.edge"),
    ("feeds-domain", "foreshock_feeds/domain/core", "foreshock_feeds.edge"),
    ("lab-domain", "foreshock_lab/domain/core", "foreshock_lab.edge"),
    ("signals-domain", "foreshock_signals/domain/core", "foreshock_signals.edge"),
    ("velocity-domain", "foreshock_velocity/domain/core", "foreshock_velocity.edge"),
    ("lab-borrows-domains", "foreshock_lab/edge", "foreshock_feeds.control"),
    ("protos-stay-at-the-door", "foreshock_velocity/edge", "foreshock_protos.edge"),
    ("protos-stay-at-the-door", "foreshock_velocity/domain/core", "foreshock_protos.edge"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty house: every member with the rooms that the contracts speak of, and no import at all."""
    for package in SETTINGS["root_packages"]:
        for module in MODULES:
            file = tmp_path / package / f"{module}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return tmp_path


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the workspace's own contracts over the packages found in `folder`."""
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--config", str(CONFIG), "--no-cache", *chosen],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_workspace_keeps_its_contracts() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_an_empty_house_keeps_every_contract(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout


def test_every_contract_has_a_violation_to_be_seen() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == CONTRACTS


@pytest.mark.parametrize(("contract", "culprit", "imported"), VIOLATIONS)
def test_a_violation_is_seen(house: Path, contract: str, culprit: str, imported: str) -> None:
    (house / f"{culprit}.py").write_text(f"import {imported}\n", encoding="utf-8")
    result = lint(house, contract)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout


@pytest.mark.parametrize(
    ("culprit", "imported"),
    [
        ("foreshock_lab/edge", "foreshock_velocity.domain.core"),
        ("foreshock_velocity/control", "foreshock_protos.edge"),
        ("foreshock_velocity/__main__", "foreshock_velocity.app"),
        ("foreshock_okx/edge", "foreshock_sdk.edge"),
        ("foreshock_feeds/edge", "asyncio"),
    ],
)
def test_what_is_meant_to_be_imported_may_be(house: Path, culprit: str, imported: str) -> None:
    (house / f"{culprit}.py").write_text(f"import {imported}\n", encoding="utf-8")
    result = lint(house)
    assert result.returncode == 0, result.stdout
