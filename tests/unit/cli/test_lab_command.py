"""`foreshock lab`, with the installed venues' simulations."""

from __future__ import annotations

import json

import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_lab.domain.scenario import SCENARIOS

SHORT = ("--duration", "12", "--seed", "4")


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "stress"])
def test_generated_rows_are_in_order_and_what_describe_counts(
    scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "generate", scenario, *SHORT]) == Exit.OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["lab", "describe", scenario, *SHORT, "--json"]) == Exit.OK
    about = json.loads(capsys.readouterr().out)
    assert [row["at_ms"] for row in rows] == sorted(row["at_ms"] for row in rows)
    assert about["liquidations"] == len(rows)
    assert {row["liquidated_side"] for row in rows} <= {"LONG", "SHORT"}
    assert bool(about["episodes"]) is bool(SCENARIOS[scenario].alerts)


def test_equal_arguments_make_equal_markets(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        main(["lab", "generate", "flash", "--duration", "5", "--seed", seed])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]


def test_rate_and_venues_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lab", "describe", "steady", *SHORT, "--rate", "500", "--venues", "okx", "--json"]
    assert main(words) == Exit.OK
    about = json.loads(capsys.readouterr().out)
    assert set(about["by_venue"]) == {"okx"}
    assert about["liquidations"] > 1_000


def test_a_person_gets_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "describe", "multi", *SHORT]) == Exit.OK
    text = capsys.readouterr().out
    assert "█" in text
    assert "LEADER" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--correlation", "2"), "correlation"),
        (("--rate", "-1"), "rate"),
        (("--duration", "0.5"), "duration"),
        (("--venues", "ftx"), "ftx"),
    ],
)
def test_an_argument_out_of_range_is_named(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "describe", "steady", *words]) == Exit.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--duration", "x"), ("--duration", "-3"), ("--seed", "1.5"), ("--duration", "nan")])
def test_what_is_no_number_is_a_usage_error(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lab", "describe", "steady", *words])
    assert ended.value.code == Exit.USAGE
    assert words[1] in capsys.readouterr().err
