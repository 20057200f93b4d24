"""The note a running house leaves: private, found while it lives, gone afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from foreshock_cli import runfile
from foreshock_cli.runfile import RunNote


def note(pid: int, started: int = 1) -> RunNote:
    return RunNote(pid=pid, command="demo", redis_url="redis://u:p@h", redis_port=6379, partitions=1, started=started)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_note_is_found_while_the_run_lives_and_gone_after_it(tmp_path: Path) -> None:
    with runfile.left_at(tmp_path, note(os.getpid())):
        assert runfile.read(tmp_path) == note(os.getpid())
    assert runfile.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    where = tmp_path / "state"
    with runfile.left_at(where, note(os.getpid())):
        (path,) = where.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(where.stat().st_mode) == 0o700


def test_a_state_folder_that_others_could_read_is_tightened(tmp_path: Path) -> None:
    where = tmp_path / "state"
    where.mkdir(mode=0o755)
    runfile.made_private(where)
    assert stat.S_IMODE(where.stat().st_mode) == 0o700


def test_a_note_of_a_dead_run_is_no_house(tmp_path: Path) -> None:
    with runfile.left_at(tmp_path, note(dead_pid())):
        assert runfile.read(tmp_path) is None


def test_of_two_houses_the_newest_is_found_and_each_takes_its_own_note_away(tmp_path: Path) -> None:
    earlier, later = note(os.getpid(), started=1), note(os.getppid(), started=2)
    with runfile.left_at(tmp_path, earlier):
        with runfile.left_at(tmp_path, later):
            assert runfile.read(tmp_path) == later
        assert runfile.read(tmp_path) == earlier


def test_a_run_that_ends_takes_the_notes_of_killed_ones_with_it(tmp_path: Path) -> None:
    with runfile.left_at(tmp_path, note(dead_pid())):
        (left,) = tmp_path.iterdir()
        with runfile.left_at(tmp_path, note(os.getpid())):
            assert left.exists()
        assert not left.exists()


def test_a_file_that_is_no_note_is_no_house(tmp_path: Path) -> None:
    (tmp_path / "run-1.json").write_text("{}")
    assert runfile.read(tmp_path) is None


def test_the_folder_is_the_users_state_folder() -> None:
    assert runfile.folder({"XDG_STATE_HOME": "/s"}) == Path("/s/foreshock")
    assert runfile.folder({"HOME": "/h"}) == Path("/h/.local/state/foreshock")
