"""What `demo`, `replay`, `up`, `test` and `bench` make of their command lines, before they run anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.commands import bench, test
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.headless import Headless
from foreshock_cli.parser import parse
from foreshock_cli.running import view_for


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments of Python runs in the checkout."""
    calls: list[list[str]] = []

    def run_in_checkout(arguments: list[str]) -> int:
        calls.append(arguments)
        return 5

    monkeypatch.setattr(test, "run_in_checkout", run_in_checkout)
    monkeypatch.setattr(bench, "run_in_checkout", run_in_checkout)
    return calls


def test_the_demo_has_sensible_defaults() -> None:
    _, args = parse(["demo"])
    assert (args.scenario, args.duration, args.seed, args.partitions, args.redis) == ("cascade", 30.0, 0, 1, None)
    assert (args.headless, args.json) == (False, False)


@pytest.mark.parametrize(
    "words", [("--duration", "0.5"), ("--duration", "1e9"), ("--scenario", "calm"), ("--partitions", "0")]
)
def test_the_demo_refuses_what_it_cannot_do(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *words])
    assert ended.value.code == Exit.USAGE
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize(("word", "speed"), [("max", None), ("10", 10.0), ("0.5", 0.5)])
def test_a_replays_speed(word: str, speed: float | None) -> None:
    _, args = parse(["replay", "file", "--venue", "okx", "--speed", word])
    assert args.speed == speed


def test_a_speed_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["replay", "file", "--venue", "okx", "--speed", "fast"])
    assert "neither max nor a number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("replay", "absent", "--venue", "okx"), Exit.UNREACHABLE),
        (("replay", "absent", "--venue", "ftx"), Exit.USAGE),
        (("up", "--venues", "ftx"), Exit.USAGE),
        (("up", "--symbols", "btcusdt"), Exit.USAGE),
    ],
)
def test_what_is_not_there_is_found_out_before_anything_starts(words: tuple[str, ...], code: Exit) -> None:
    assert main(list(words)) == code


def test_without_a_terminal_or_for_a_machine_there_is_no_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(view_for("demo", headless=False, as_json=False), Headless)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert isinstance(view_for("demo", headless=True, as_json=False), Headless)
    assert isinstance(view_for("demo", headless=False, as_json=True), Headless)
    assert not isinstance(view_for("demo", headless=False, as_json=False), Headless)


def test_the_test_command_passes_every_word_on(ran: list[list[str]]) -> None:
    assert main(["test", "--fast", "-k", "normalize or x", "tests/unit"]) == 5
    ((script, *words),) = ran
    assert Path(script).parts[-2:] == ("scripts", "check")
    assert words == ["--fast", "-k", "normalize or x", "tests/unit"]


def test_the_bench_command_runs_the_benchmarks_unless_a_place_is_named(ran: list[list[str]]) -> None:
    main(["bench", "-k", "decode"])
    main(["bench", "tests/unit/cli/test_wording.py::test_x"])
    assert [words[-1] for words in ran] == ["tests/bench", "tests/unit/cli/test_wording.py::test_x"]
    assert all(words[:4] == ["-m", "pytest", "-m", "bench"] for words in ran)


def test_tests_run_from_the_root_of_the_checkout() -> None:
    assert test.run_in_checkout(["-c", "import sys, pathlib; sys.exit(not pathlib.Path('protos').is_dir())"]) == 0


def test_outside_of_a_checkout_there_are_no_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(test, "__file__", str(tmp_path / "test.py"))
    with pytest.raises(CommandError, match="needs a checkout") as raised:
        test.checkout()
    assert raised.value.code is Exit.UNREACHABLE
