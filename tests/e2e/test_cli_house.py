"""The command line around a running house: every command finds it, and Ctrl-C ends it in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foreshock_cli.exits import Exit
from foreshock_cli.runfile import NAMES

COMMAND = [sys.executable, "-m", "foreshock_cli"]
READY_SECONDS = 60.0


class Run:
    """A demo in the background, and the environment in which others find it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.env = {**os.environ, "XDG_STATE_HOME": str(folder), "COLUMNS": "100"}
        for name in ("FORESHOCK_REDIS_URL", "REDIS_URL"):
            self.env.pop(name, None)
        self.process = subprocess.Popen(
            [*COMMAND, "demo", "--headless", *options],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def notes(self) -> list[Path]:
        return list((self.folder / "foreshock").glob(NAMES))

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *words], env=self.env, capture_output=True, text=True, timeout=30, check=False)

    def wait_serving(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self.call("status", "--json").returncode != Exit.OK:
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, self.call("status").stdout
            time.sleep(0.2)

    def wait_for_events(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._velocity_counted():
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def _velocity_counted(self) -> int:
        services = json.loads(self.call("status", "--json").stdout)["services"]
        return sum(each["counters"].get("events", 0) for each in services if each["service"] == "velocity")

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    made = Run(tmp_path_factory.mktemp("state"), "--duration", "120", "--scenario", "edge", "--json")
    made.wait_serving()
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.communicate()


pytestmark = pytest.mark.timeout(150)


def told(answer: subprocess.CompletedProcess[str]) -> Any:
    assert answer.returncode == Exit.OK, answer.stderr
    return json.loads(answer.stdout)


def test_status_shows_every_service_serving_and_every_route(run: Run) -> None:
    facts = told(run.call("status", "--json"))
    assert {each["service"]: each["health"] for each in facts["services"]} == dict.fromkeys(
        ("feeds", "velocity", "signals"), "SERVING"
    )
    assert {route["name"].split("/")[0] for route in facts["services"][0]["routes"]} == {"binance", "bybit", "okx"}
    assert max(map(len, run.call("status").stdout.splitlines())) <= 120


def test_events_are_decoded_from_the_running_stream(run: Run) -> None:
    answer = run.call("events", "--decode", "--from", "0", "--count", "40")
    kinds = [json.loads(line)["kind"] for line in answer.stdout.splitlines()]
    assert len(kinds) == 40
    assert set(kinds) <= {"batch", "tick", "market", "config"}
    assert "batch" in kinds


@pytest.mark.parametrize(
    ("service", "word", "field", "value"),
    [
        ("velocity", "cadence_ms=200", "cadence_ms", 200),
        ("signals", "thresholds.alert=0.6", "thresholds", {"alert": 0.6}),
    ],
)
def test_a_change_of_configuration_is_in_force_and_in_the_history(
    run: Run, service: str, word: str, field: str, value: Any
) -> None:
    changed = told(run.call("config", "set", service, word, "--reason", "a test", "--author", "tester", "--json"))
    assert changed["revision"] == 1
    config = told(run.call("config", "get", service, "--json"))["config"]
    found = {key: config[field][key] for key in value} if isinstance(value, dict) else config[field]
    assert found == value
    (line,) = run.call("config", "history", service, "--json").stdout.splitlines()
    assert {"revision": 1, "reason": "a test", "author": "tester"}.items() <= json.loads(line).items()
    assert "a test" in run.call("config", "history", service).stdout


def test_feeds_would_take_other_symbols(run: Run) -> None:
    words = ("config", "set", "feeds", "symbols=BTCUSDT,ETHUSDT", "--validate-only", "--json")
    assert told(run.call(*words))["config"]["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert told(run.call("config", "get", "feeds", "--json"))["config"]["symbols"] == []


def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(run: Run) -> None:
    answer = run.call("config", "set", "signals", "thresholds.watch=7")
    assert answer.returncode == Exit.FAILED
    assert "thresholds.watch" in answer.stderr


def test_ctrl_c_ends_the_house_in_order_with_the_summary_so_far(tmp_path: Path) -> None:
    run = Run(tmp_path, "--duration", "120", "--scenario", "edge", "--json")
    run.wait_serving()
    run.wait_for_events()
    pids = [each["pid"] for each in told(run.call("status", "--json"))["services"]]
    assert len(run.notes) == 1
    code, out, err = run.end(signal.SIGINT)
    assert code == Exit.INTERRUPTED, err
    summary = json.loads(out.splitlines()[-1])
    assert summary["events"]["sent"] == summary["events"]["processed"] > 0
    assert (summary["lost"], summary["duplicates"]) == (0, 0)
    assert summary["services"] == dict.fromkeys(("feeds", "velocity", "signals"), "SERVING")
    assert "Traceback" not in err
    assert run.notes == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_whole_run_ends_with_a_readable_summary(tmp_path: Path) -> None:
    whole = Run(tmp_path, "--duration", "2", "--scenario", "steady", "--partitions", "2")
    out, err = whole.process.communicate(timeout=90)
    assert whole.process.returncode == Exit.OK, err + out
    assert out.startswith("steady, seed 0, 2 s: OK\n")
    assert "0 lost" in out
    assert "demo steady, seed 0: running" in err
    assert max(map(len, out.splitlines())) <= 160


def test_a_redis_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    away = Run(tmp_path, "--redis", "redis://127.0.0.1:1/0")
    out, err = away.process.communicate(timeout=60)
    assert away.process.returncode == Exit.UNREACHABLE
    assert "does not answer" in err
    assert "Traceback" not in out + err
