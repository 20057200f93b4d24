"""docker-compose.yml against the compose specification, offline, and against what the schema cannot say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES = {"feeds", "velocity", "signals"}


def check(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_fits_the_specification() -> None:
    result = check(FILE)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("old", "new"), [("cap_drop: [ALL]", "cap_drop: ALL"), ("healthcheck:", "healthchecks:")])
def test_a_seeded_mistake_is_seen(tmp_path: Path, old: str, new: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(old, new), encoding="utf-8")
    assert check(broken).returncode == 1


def test_everything_named_is_defined() -> None:
    for service in COMPOSE["services"].values():
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert set(service["secrets"]) <= COMPOSE["secrets"].keys()
        assert set(service.get("depends_on", {})) <= COMPOSE["services"].keys()
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


@pytest.mark.parametrize("name", sorted(SERVICES | {"valkey"}))
def test_a_container_is_locked_down_and_watched(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in {"0", "root"}
    assert service["healthcheck"]["test"]
    assert "ports" not in service


def test_only_feeds_reaches_the_outside() -> None:
    assert COMPOSE["networks"]["inner"]["internal"] is True
    outside = {name for name, service in COMPOSE["services"].items() if "outer" in service["networks"]}
    assert outside == {"feeds"}


def test_the_store_keeps_what_it_acknowledged() -> None:
    script = COMPOSE["services"]["valkey"]["command"][-1]
    for line in (
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "requirepass $$(cat",
    ):
        assert line in script
