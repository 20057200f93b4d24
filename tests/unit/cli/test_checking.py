"""`foreshock plugins check`: each broken rule by name, and nothing of the caller's for foreign code."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from foreshock_cli import conformance
from foreshock_cli.__main__ import main
from foreshock_cli.checking import check_all
from foreshock_cli.exits import Exit
from foreshock_cli.scaffold import make_project
from foreshock_lighter.connector import LighterConnector
from foreshock_lighter.samples import SHORT
from foreshock_lighter.simulation import LighterScript
from foreshock_sdk import Decoded, Decoder, Instruments, Route
from foreshock_sdk.probing import Probe

POINTS = '[project.entry-points.foreshock]\nbad = "bad_plugin"\n'
CONNECTING = """
    def parse_specs(self, bodies):
        import socket
        socket.create_connection(("127.0.0.1", 9))
"""
NO_CONNECTOR = """
def foreshock_connectors():
    return []

foreshock_simulations = foreshock_connectors
"""
LIGHTER = """
from foreshock_lighter.connector import LighterConnector
from foreshock_lighter.simulation import LighterScript

class Connector(LighterConnector):
    pass

def foreshock_connectors():
    return [Connector()]

def foreshock_simulations():
    return [LighterScript()]
"""


def project(folder: Path, source: str) -> Path:
    (folder / "pyproject.toml").write_text(POINTS)
    (folder / "bad_plugin.py").write_text(source)
    return folder


def complaints(folder: Path, source: str, seconds: float = 60.0) -> dict[str, str]:
    (report,) = check_all(str(project(folder, source)), seconds)
    return {rule.rule: str(rule.complaint) for rule in report.broken}


def test_a_sound_plugin_keeps_every_rule_with_the_frames_of_its_own_simulation(tmp_path: Path) -> None:
    assert complaints(tmp_path, LIGHTER) == {}


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ("    venue = 'else'", "there_is_a_simulated_venue", "foreshock_simulations returns none"),
        (
            "    def decoder(self, route, instruments):\n        raise RuntimeError('no decoder')",
            "damaged_frames_never_raise_and_never_lie",
            "RuntimeError: no decoder",
        ),
        (
            CONNECTING,
            "rest_specs_are_the_venues_listing",
            "a connector does no IO: socket",
        ),
        (
            "    def routes(self, *args):\n        import subprocess\n        return subprocess.run(['true'])",
            "the_simulated_venue_tells_liquidations",
            "a connector does no IO: subprocess.Popen",
        ),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, change: str, rule: str, words: str) -> None:
    assert words in complaints(tmp_path, LIGHTER.replace("    pass", change))[rule]


class SlowConnector(LighterConnector):
    def __init__(self, lose_time: Callable[[], object]) -> None:
        self.lose_time = lose_time

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        inner, lose_time = super().decoder(route, instruments), self.lose_time

        class Slow:
            def feed(self, frames: Sequence[str | bytes]) -> Decoded:
                for _ in frames:
                    lose_time()
                return inner.feed(frames)

        return Slow()


@pytest.mark.parametrize("lose_time", [lambda: sum(range(2_000_000)), lambda: time.sleep(0.02)])
def test_a_decoder_that_takes_its_time_is_named(lose_time: Callable[[], object]) -> None:
    with pytest.raises(AssertionError, match=r"a frame costs \d+\.\d ms, 5 ms are allowed"):
        conformance.demand_speed(Probe(SlowConnector(lose_time), LighterScript), (SHORT,))
    conformance.demand_speed(Probe(LighterConnector(), LighterScript), (SHORT,))


@pytest.mark.parametrize(
    ("source", "rule", "words"),
    [
        ("import no_such_module", "it_can_be_imported", "ModuleNotFoundError"),
        ("x = 1", "the_hooks_answer", "AttributeError"),
        (NO_CONNECTOR, "the_hooks_answer", "no connector"),
        ("import os\nos._exit(7)", "it_survives_the_check", "exit code 7"),
        ("while True: pass", "it_comes_to_an_end", "stopped after 2 s"),
        ("import sys\nprint('noise')\nsys.exit(3)", "it_survives_the_check", "exit code 3"),
    ],
)
def test_a_plugin_that_does_not_even_start_is_named(tmp_path: Path, source: str, rule: str, words: str) -> None:
    assert words in complaints(tmp_path, source, 2.0)[rule]


def test_a_rule_that_has_no_end_is_named_and_ends_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever() -> None:
        while True:
            pass

    monkeypatch.setattr(conformance, "RULE_SECONDS", 0.2)
    plugin = SimpleNamespace(
        foreshock_connectors=lambda: [SlowConnector(forever)], foreshock_simulations=lambda: [LighterScript()]
    )
    *kept, last = conformance.check("slow", plugin).rules
    assert last.complaint == "no end after 0.2 s; no further rule was tried"
    assert [rule.complaint for rule in kept] == [None] * len(kept)


def test_foreign_code_sees_nothing_of_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESHOCK_REDIS_URL", "redis://:bait@127.0.0.1")
    telling = "import os\nraise RuntimeError(sorted(os.environ))"
    words = complaints(tmp_path, telling)["it_can_be_imported"]
    assert "FORESHOCK" not in words
    assert "PYTHONPATH" in words


def test_a_wheel_is_checked_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = tmp_path / "bad-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("bad_plugin.py", LIGHTER)
        archive.writestr("bad-1.dist-info/entry_points.txt", "[foreshock]\nbad = bad_plugin\n")
    assert main(["plugins", "check", str(wheel), "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert {rule["venue"] for rule in told["plugins"][0]["rules"]} == {"lighter"}


def test_people_read_which_rules_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_project("myvenue", tmp_path)
    assert main(["plugins", "check", str(tmp_path / "foreshock-myvenue")]) == Exit.OK
    shown = capsys.readouterr()
    assert "kept    myvenue: the canary sings" in shown.out
    assert "rules kept" in shown.err


def test_people_read_which_are_broken_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "check", str(project(tmp_path, "import no_such_module"))]) == Exit.FAILED
    out = capsys.readouterr().out
    assert "BROKEN  bad: it can be imported" in out
    assert "No module named 'no_such_module'" in out


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("no-such-plugin", Exit.UNREACHABLE, "no plugin 'no-such-plugin' is installed"),
        ("no/such/folder", Exit.UNREACHABLE, "neither a project's folder nor a wheel"),
        ("no.whl", Exit.UNREACHABLE, "no.whl cannot be read"),
    ],
)
def test_what_is_not_there_is_said(what: str, code: Exit, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "check", what]) == code
    assert words in capsys.readouterr().err


def test_a_folder_or_wheel_without_a_plugin_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "check", str(tmp_path)]) == Exit.UNREACHABLE
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert main(["plugins", "check", str(tmp_path)]) == Exit.USAGE
    assert "names no plugin" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr("x.py", "")
    assert main(["plugins", "check", str(tmp_path / "x.whl")]) == Exit.USAGE


def test_the_rules_are_run_in_this_process_too() -> None:
    import foreshock_lighter.plugin as lighter

    report = conformance.check("lighter", lighter)
    assert report.broken == []
    assert len(report.rules) > 20
