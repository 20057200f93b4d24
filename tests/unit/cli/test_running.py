"""Running a house in the foreground: the note for other commands, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Self

import pytest

from foreshock_cli import runfile, running
from foreshock_cli.commands import up
from foreshock_cli.exits import CommandError, Exit
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_lab.summary import OnProgress, Phase, Progress, RunInfo


class Recorder:
    """A view that remembers."""

    def __init__(self) -> None:
        self.taken: list[Progress] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def take(self, progress: Progress) -> None:
        self.taken.append(progress)


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "foreshock"


def progress(info: RunInfo | None = None) -> Progress:
    return Progress(
        phase=Phase.RUNNING, elapsed_s=0, duration_s=1, sent=0, processed=0, throttled=0, signals={}, info=info
    )


INFO = RunInfo(redis_url="redis://h", redis_port=6379, partitions=2, run_dir=Path("/r"))


def test_other_commands_find_the_house_while_it_runs(state_folder: Path) -> None:
    seen: list[runfile.RunNote | None] = []

    async def run(tell: OnProgress, _: asyncio.Event) -> str:
        tell(progress())
        seen.append(runfile.read(state_folder))
        tell(progress(INFO))
        tell(progress(INFO))
        seen.append(runfile.read(state_folder))
        return "done"

    view = Recorder()
    assert running.to_end("demo", view, run) == ("done", 0)
    assert len(view.taken) == 3
    before, note = seen
    assert before is None
    assert note is not None
    assert (note.command, note.redis_url, note.partitions, note.pid) == ("demo", "redis://h", 2, os.getpid())
    assert runfile.read(state_folder) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(number: signal.Signals) -> None:
    async def run(_: OnProgress, stop: asyncio.Event) -> str:
        os.kill(os.getpid(), number)
        await stop.wait()
        return "what there was"

    assert running.to_end("demo", Recorder(), run) == ("what there was", number)


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    async def run(_: OnProgress, stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        running.to_end("demo", Recorder(), run)


@pytest.mark.parametrize(
    ("error", "code"), [(LabError("no good"), Exit.FAILED), (UnreachableError("no good"), Exit.UNREACHABLE)]
)
def test_what_a_person_can_put_right_is_a_sentence(error: LabError, code: Exit) -> None:
    async def run(_: OnProgress, __: asyncio.Event) -> None:
        raise error

    with pytest.raises(CommandError, match="no good") as raised:
        running.to_end("demo", Recorder(), run)
    assert raised.value.code is code


def test_a_state_folder_that_cannot_be_written_is_no_reason_not_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    async def run(tell: OnProgress, _: asyncio.Event) -> int:
        tell(progress(INFO))
        return 1

    assert running.to_end("demo", Recorder(), run) == (1, 0)
    assert "will not find this house" in capsys.readouterr().err


def test_logs_of_older_runs_go_but_for_the_newest(tmp_path: Path) -> None:
    for age in range(8):
        (tmp_path / f"up-{age}").mkdir()
        os.utime(tmp_path / f"up-{age}", (age, age))
    assert up.log_folder(tmp_path, 99) == tmp_path / "up-99"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["up-3", "up-4", "up-5", "up-6", "up-7"]
    assert up.log_folder(tmp_path / "absent", 1) == tmp_path / "absent" / "up-1"


def test_names_come_with_commas_blanks_or_both() -> None:
    assert up.split(["a,b", "c", ",d,"]) == ["a", "b", "c", "d"]
    assert up.symbols(["BTCUSDT,ETHUSDT"]) == ("BTCUSDT", "ETHUSDT")
    with pytest.raises(CommandError, match="'btcusdt' is not a symbol"):
        up.symbols(["btcusdt"])
