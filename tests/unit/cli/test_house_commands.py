"""What `demo`, `replay`, `up`, `test` and `bench` make of their command lines, before they run anything."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.commands import bench, test, up
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.headless import Headless, JsonLines
from foreshock_cli.parser import parse
from foreshock_cli.running import view_for
from foreshock_lab.house import HouseSettings
from foreshock_lab.summary import Phase, Progress, RunInfo
from foreshock_runtime.clock import SystemClock


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


@pytest.mark.parametrize("words", [("normalize", "okx", "--json"), ("lab", "generate", "flash", "--json")])
def test_where_the_output_is_json_anyway_the_option_is_taken_too(words: tuple[str, ...]) -> None:
    _, args = parse(words)
    assert args.json


def house(words: list[str], env: dict[str, str], state: Path) -> HouseSettings:
    _, args = parse(["up", *words])
    return up.house(args, {"XDG_STATE_HOME": str(state), **env})


def test_up_keeps_its_data_in_a_private_state_folder_and_takes_a_server_that_was_used(tmp_path: Path) -> None:
    made = house([], {}, tmp_path)
    assert made.data_dir == tmp_path / "foreshock" / "data"
    assert (tmp_path / "foreshock").stat().st_mode & 0o777 == 0o700
    assert made.redis_url is None
    assert made.partitions == 1
    assert not made.fresh


def test_up_follows_the_environment_and_the_file_it_names_and_options_go_before_them(tmp_path: Path) -> None:
    toml = tmp_path / "house.toml"
    toml.write_text('partitions = 3\n[feeds]\nvenues = ["okx"]\n')
    env = {"FORESHOCK_CONFIG": str(toml), "REDIS_URL": "redis://h/1", "FORESHOCK_GATHER_MS": "2", "LOG_LEVEL": "DEBUG"}
    made = house([], env, tmp_path)
    assert (made.partitions, made.venues, made.redis_url) == (3, ("okx",), "redis://h/1")
    assert made.inherited["feeds"]["FORESHOCK_GATHER_MS"] == "2"
    assert "FORESHOCK_GATHER_MS" not in made.inherited["velocity"], "velocity would refuse it"
    assert {each["LOG_LEVEL"] for each in made.inherited.values()} == {"DEBUG"}
    named = house(["--partitions", "2", "--venues", "bybit", "--redis", "redis://h/2"], env, tmp_path)
    assert (named.partitions, named.venues, named.redis_url) == (2, ("bybit",), "redis://h/2")


@pytest.mark.parametrize(
    ("name", "value"), [("FORESHOCK_NONSENSE", "1"), ("FORESHOCK_PARTITIONS", "many"), ("FORESHOCK_CONFIG", "/absent")]
)
def test_up_names_a_setting_that_is_none_before_anything_starts(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(name, value)
    assert main(["up"]) == Exit.USAGE
    told = capsys.readouterr().err.lower()
    assert name.removeprefix("FORESHOCK_").lower() in told or value in told


def test_progress_for_a_machine_holds_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    info = RunInfo(redis_url="unix://u:secret@/s", redis_port=7, partitions=1, run_dir=Path("/r"))
    view = JsonLines(SystemClock())
    for phase in (Phase.STARTING, Phase.RUNNING, Phase.RUNNING, Phase.STOPPING):
        view.take(
            Progress(phase=phase, elapsed_s=1, duration_s=0, sent=0, processed=5, throttled=0, signals={}, info=info)
        )
    told = capsys.readouterr().out
    assert "secret" not in told
    lines = [json.loads(line) for line in told.splitlines()]
    assert [(each["phase"], each["processed"], each["redis_port"]) for each in lines] == [
        ("starting", 5, 7),
        ("running", 5, 7),
        ("stopping", 5, 7),
    ]


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


def test_a_bench_is_found_by_its_name(ran: list[list[str]]) -> None:
    main(["bench", "velocity", "-k", "ingest"])
    assert ran[0][-3:] == [str(Path("tests/bench/test_velocity_bench.py")), "-k", "ingest"]


def test_figures_are_printed_as_json_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run_in_checkout(arguments: list[str]) -> int:
        os.write(1, b"what pytest prints")
        file = next(word.partition("=")[2] for word in arguments if word.startswith("--figures="))
        Path(file).write_text('{"figures": {"x": 1}}', encoding="utf-8")
        return 0

    monkeypatch.setattr(bench, "run_in_checkout", run_in_checkout)
    assert main(["bench", "velocity", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out) == {"figures": {"x": 1}}
    assert "what pytest prints" in err


def test_a_bench_that_ends_before_it_measured_prints_nothing(
    ran: list[list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "velocity", "--json"]) == 5
    assert capfd.readouterr().out == ""


def test_tests_run_from_the_root_of_the_checkout() -> None:
    assert test.run_in_checkout(["-c", "import sys, pathlib; sys.exit(not pathlib.Path('protos').is_dir())"]) == 0


def test_outside_of_a_checkout_there_are_no_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(test, "__file__", str(tmp_path / "test.py"))
    with pytest.raises(CommandError, match="needs a checkout") as raised:
        test.checkout()
    assert raised.value.code is Exit.UNREACHABLE
