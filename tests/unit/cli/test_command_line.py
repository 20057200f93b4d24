"""The grammar every command shares: help, exit codes, typos, and what `--help` costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from foreshock_cli import __version__
from foreshock_cli.__main__ import main
from foreshock_cli.catalogue import COMMANDS
from foreshock_cli.exits import CommandError, Exit

WIDEST = 100


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys=capsys)
    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does_shows_an_example_and_its_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(name, capsys=capsys)
    assert f"foreshock {name}" in text.partition("example:\n")[2]
    assert "exit codes:" in text
    for code in (Exit.OK, Exit.FAILED, Exit.USAGE, Exit.UNREACHABLE):
        assert f"\n  {code:>3}  " in text
    assert max(map(len, text.splitlines())) <= WIDEST


@pytest.mark.parametrize("words", [("lab", "generate"), ("lab", "describe"), ("config", "set"), ("config", "history")])
def test_actions_of_a_command_have_help_of_their_own(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(*words, capsys=capsys)
    assert " ".join(("foreshock", *words)) in text.partition("example:\n")[2]


def test_no_command_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == Exit.USAGE


def test_a_typo_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["normalise"]) == Exit.USAGE
    assert "did you mean `foreshock normalize`?" in capsys.readouterr().err


def test_a_word_that_resembles_nothing_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == Exit.USAGE
    assert "foreshock --help" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"foreshock {__version__}\n"


def test_ctrl_c_ends_with_130_and_no_stack_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("foreshock_cli.commands.plugins.run", interrupted)
    assert main(["plugins"]) == Exit.INTERRUPTED
    assert capsys.readouterr().err == ""


def test_an_expected_failure_is_a_sentence_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: object) -> int:
        raise CommandError("no luck", code=Exit.UNREACHABLE, hint="try again")

    monkeypatch.setattr("foreshock_cli.commands.plugins.run", failing)
    assert main(["plugins"]) == Exit.UNREACHABLE
    assert capsys.readouterr().err == "foreshock: no luck\n           try again\n"


def test_a_reader_that_goes_away_is_no_error_to_talk_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "-m", "foreshock_cli", "plugins", "--json"]
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (Exit.PIPE_CLOSED, b"")


def test_help_loads_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from foreshock_cli.parser import parser; parser().format_help();"
        "print(*sorted(name for name in sys.modules if name.partition('.')[0] in"
        " {'numpy', 'redis', 'grpc', 'rich', 'asyncio', 'foreshock_lab', 'foreshock_sdk'}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""
