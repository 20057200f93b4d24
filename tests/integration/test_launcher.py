"""The launcher on a small house of its own: one member with its own build backend, nothing to download."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = f"{Path(sys.executable).resolve().parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
# The launcher may have made the environment of this very run without a pip of its own.
PYTHON = sys.executable if find_spec("pip") else str(Path(sys.executable).resolve())
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the launcher is a POSIX shell script")

BACKEND = """
import zipfile
from pathlib import Path

NAME = "foreshock_cli-0.1.0"
WHEEL = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    info = f"{NAME}.dist-info"
    with zipfile.ZipFile(Path(wheel_directory) / f"{NAME}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("foreshock_cli.pth", str(Path("src").resolve()))
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: foreshock-cli\\nVersion: 0.1.0\\n")
        wheel.writestr(f"{info}/WHEEL", WHEEL)
        wheel.writestr(f"{info}/RECORD", "")
    return f"{NAME}-py3-none-any.whl"
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
COMMAND = "import os, sys\nprint(os.getcwd(), *sys.argv[1:], sep='|')\n"
FILES = {
    "services/cli/pyproject.toml": PROJECT,
    "services/cli/backend.py": BACKEND,
    "services/cli/src/foreshock_cli/__init__.py": "",
    "services/cli/src/foreshock_cli/__main__.py": COMMAND,
    "services/protos/src/foreshock_protos/__init__.py": "",
    "services/protos/build.py": (
        "from pathlib import Path\n(Path(__file__).parent / 'src/foreshock_protos/.generated').touch()\n"
    ),
    "services/protos/pyproject.toml": "",
    "plugins/sdk/pyproject.toml": "",
    "protos/foreshock/x.proto": "",
    "requirements.lock": "",
    "requirements-dev.lock": "",
}


def build_house(root: Path) -> Path:
    """Lay out the small house below `root` and return its launcher; pip is given the cli only."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    launcher = root / "foreshock"
    text = (ROOT / "foreshock").read_text(encoding="utf-8")
    launcher.write_text(text.replace('"$root"/plugins/*/pyproject.toml "$root"/services/*', '"$root"/services/cli'))
    launcher.chmod(0o755)
    return launcher


def start(
    launcher: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the launcher with a clean environment plus `environment`."""
    base = {"PATH": PATH, "HOME": str(launcher.parent), "PIP_NO_INDEX": "1"}
    return subprocess.run(
        [launcher, *arguments],
        cwd=cwd,
        env={**base, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with a space in its path, whose first start was two starts at once."""
    launcher = build_house(tmp_path_factory.mktemp("a house"))
    environment = {"PATH": PATH, "HOME": str(launcher.parent), "PIP_NO_INDEX": "1"}
    starts = [
        subprocess.Popen([launcher, name], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    spoken = [process.communicate(timeout=55) for process in starts]
    assert [process.returncode for process in starts] == [0, 0], spoken
    assert "".join(words for _, words in spoken).count("creating .venv") == 1
    return launcher


def test_a_second_start_is_quick_and_says_nothing_of_its_own(made: Path) -> None:
    began = time.monotonic()
    subprocess.run([made.parent / ".venv/bin/python", "-m", "foreshock_cli"], check=True, capture_output=True)
    bare = time.monotonic() - began
    began = time.monotonic()
    result = start(made, "x")
    assert time.monotonic() - began < bare + 0.3
    assert (result.returncode, result.stderr) == (0, "")


def test_arguments_and_the_working_directory_reach_the_command(made: Path, tmp_path: Path) -> None:
    assert start(made, "a b", "--json", cwd=tmp_path).stdout == f"{tmp_path}|a b|--json\n"


def test_a_symlink_leads_home(made: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.symlink_to(os.path.relpath(made, tmp_path))
    second = tmp_path / "second"
    second.symlink_to(first)
    result = start(second, "x", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{tmp_path}|x\n", "")


def test_a_changed_lock_installs_again_into_the_same_environment(made: Path) -> None:
    with (made.parent / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    result = start(made, "x")
    assert result.returncode == 0
    assert "installing the pinned packages" in result.stderr
    assert "creating .venv" not in result.stderr


def test_only_tests_and_benches_install_the_test_tools(made: Path) -> None:
    assert "test tools" not in start(made, "demo").stderr
    assert "test tools" in start(made, "test").stderr
    assert start(made, "bench").stderr == ""


def test_lost_stubs_are_generated_again(made: Path) -> None:
    (made.parent / "services/protos/src/foreshock_protos/.generated").unlink()
    assert "generating the protocol stubs" in start(made, "x").stderr
    assert start(made, "x").stderr == ""


def test_an_interrupted_installation_is_made_anew(made: Path) -> None:
    venv = made.parent / ".venv"
    (venv / "run.stamp").unlink()
    (venv / "incomplete").touch()
    result = start(made, "x")
    assert result.returncode == 0
    assert "creating .venv" in result.stderr
    assert not (venv / "incomplete").exists()


def test_an_index_out_of_reach_is_named(made: Path) -> None:
    lock = made.parent / "requirements.lock"
    kept = lock.read_text(encoding="utf-8")
    lock.write_text(f"rich==15.0.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    result = start(
        made,
        "x",
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL="http://127.0.0.1:1/simple",
        PIP_NO_INDEX="0",
        PIP_RETRIES="0",
    )
    lock.write_text(kept, encoding="utf-8")
    assert (result.returncode, result.stdout) == (3, "")
    assert "the package index is out of reach" in result.stderr
    assert str(made.parent / ".venv/install.log") in result.stderr


def fake_python(folder: Path, body: str) -> str:
    """Put an interpreter of every name the launcher tries into `folder`; returns a PATH that starts there."""
    folder.mkdir()
    for name in ("python", "python3", *(f"python3.{minor}" for minor in (11, 12, 13, 14))):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


def test_an_old_python_is_named(tmp_path: Path) -> None:
    launcher = build_house(tmp_path / "house")
    old = fake_python(tmp_path / "bin", '[ "$1" = --version ] && echo Python 3.9.2 && exit 0; exit 1')
    result = start(launcher, "x", PATH=old)
    assert (result.returncode, result.stdout) == (3, "")
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "Python 3.9.2" in result.stderr


def without(folder: Path, *words: str) -> str:
    """Put this interpreter into `folder`, but failing for what names one of the words; returns a PATH."""
    refusals = " ".join(f'*"{word}"*) exit 1 ;;' for word in words)
    return fake_python(folder, f'case "$*" in {refusals} esac; exec {PYTHON} "$@"')


def test_a_python_with_pip_and_without_ensurepip_will_do(tmp_path: Path) -> None:
    """As Debian's python3 with python3-pip: the environment has no pip, and pip installs into it from outside."""
    launcher = build_house(tmp_path / "a house")
    bare = without(tmp_path / "bin", "ensurepip")
    first = start(launcher, "x", PATH=bare)
    assert (first.returncode, first.stdout) == (0, f"{Path.cwd()}|x\n"), first.stderr
    assert not list(launcher.parent.glob(".venv/lib/python*/site-packages/pip"))
    with (launcher.parent / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    again = start(launcher, "test", PATH=bare)
    assert again.returncode == 0, again.stderr
    assert "creating .venv" not in again.stderr
    assert "installing the test tools" in again.stderr
    assert start(launcher, "x", PATH=bare).stderr == ""


def test_a_python_without_ensurepip_and_pip_is_named(tmp_path: Path) -> None:
    launcher = build_house(tmp_path / "house")
    bare = without(tmp_path / "bin", "ensurepip", "-m pip")
    result = start(launcher, "x", PATH=bare)
    assert (result.returncode, result.stdout) == (3, "")
    assert "python3-venv" in result.stderr
    assert "python3-pip" in result.stderr


def test_the_interpreter_can_be_chosen(tmp_path: Path) -> None:
    launcher = build_house(tmp_path / "house")
    old = fake_python(tmp_path / "bin", "exit 1")
    result = start(launcher, "x", PATH=old, PYTHON=PYTHON)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell")
def test_the_launcher_is_plain_shell() -> None:
    result = subprocess.run(["sh", "-n", ROOT / "foreshock"], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
