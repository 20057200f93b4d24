from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import socket
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from foreshock_runtime import scrubbing
from foreshock_runtime.log import configure, get_logger, handle_loop_errors, register_secret

BAIT = "correct-horse-battery"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is global: put back what `configure` changes."""
    root, ours = logging.getLogger(), logging.getLogger("foreshock")
    before = (list(root.handlers), root.level, ours.level, logging.raiseExceptions)
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(scrubbing, "_forms", set())
    monkeypatch.setattr(scrubbing, "_registered", None)
    yield
    logging.captureWarnings(capture=False)
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before[0]:
        root.addHandler(handler)
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.raiseExceptions = before[3]


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_have_event_and_fields() -> None:
    out = io.StringIO()
    configure("INFO", "auto", out)
    log = get_logger("foreshock_signals.app").bind(partition=3)
    log.info("signal_emitted", level="ALERT", probability=0.5, ids=(1, 2), missing=None, raw=b"\xff")
    line = lines_of(out)[0]
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "severity": "INFO",
        "logger": "foreshock.signals.app",
        "event": "signal_emitted",
        "partition": 3,
        "level": "ALERT",
        "probability": 0.5,
        "ids": [1, 2],
        "missing": None,
        "raw": "\\xff",
    }


def test_fields_never_hide_the_fixed_ones() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    get_logger("x").info("real", event="other", time="then")
    line = lines_of(out)[0]
    assert (line["event"], line["event_"], line["time_"]) == ("real", "other", "then")


def test_a_terminal_gets_text() -> None:
    out = Terminal()
    configure("INFO", "auto", out)
    get_logger("x").info("gap_found", venue="binance", reason="two words", number=7, empty="")
    pattern = r'\d\d:\d\d:\d\d\.\d{3} info     gap_found venue=binance reason="two words" number=7 empty=""\n'
    assert re.fullmatch(pattern, out.getvalue())


def test_text_cannot_forge_a_second_line() -> None:
    out = Terminal()
    configure("INFO", "human", out)
    get_logger("x").info("a\nb", text="c\nd")
    assert out.getvalue().count("\n") == 1


def test_levels_of_ours_and_of_others() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    get_logger("x").debug("hidden")
    get_logger("x").warning("shown")
    logging.getLogger("some.library").info("hidden too")
    logging.getLogger("some.library").warning("%s also", "shown")
    assert [line["event"] for line in lines_of(out)] == ["shown", "shown also"]
    configure("DEBUG", "json", out)
    get_logger("x").debug("now shown")
    assert lines_of(out)[-1]["event"] == "now shown"


def leak_everywhere() -> None:
    """Every way a secret was seen to leak."""
    log = get_logger("x")
    log.info(f"in the event {BAIT}")  # noqa: G004 - on purpose
    log.info("in_a_field", value=BAIT, nested={"a": [BAIT]}, raw=BAIT.encode(), thing=types.SimpleNamespace(a=BAIT))
    log.info("by_name", password="unregistered-1", headers={"authorization": "unregistered-2"})
    library = logging.getLogger("library")
    library.warning("argument %s", BAIT)
    library.warning("too few %s %s", BAIT)
    library.warning("url redis://u:unregistered-3@host/0", stack_info=True)
    try:
        raise_in_thread()
    except RuntimeError:
        log.exception("failed")
        library.exception("failed")
    warnings.warn(f"warning {BAIT}", UserWarning, stacklevel=1)


def raise_in_thread() -> None:
    local = BAIT
    raise RuntimeError(local)


@pytest.mark.parametrize("kind", ["json", "human"])
@pytest.mark.filterwarnings("default")
def test_no_way_of_logging_leaks(kind: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    configure("DEBUG", kind, out)
    register_secret(BAIT)
    leak_everywhere()
    thread = threading.Thread(target=raise_in_thread)
    thread.start()
    thread.join()
    try:
        raise_in_thread()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
        unraisable = types.SimpleNamespace(exc_type=RuntimeError, exc_value=error, exc_traceback=None)
        sys.unraisablehook(unraisable)
    printed = capsys.readouterr()
    text = out.getvalue()
    for secret in (BAIT, "unregistered"):
        assert secret not in text + printed.out + printed.err
    assert text.count("uncaught_exception") == 3
    assert printed.err == ""


def test_a_library_that_formats_wrongly_keeps_its_line() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    logging.getLogger("library").warning("two %s %s", 1)  # noqa: PLE1206 - on purpose
    assert lines_of(out)[0]["event"] == "two %s %s"


def test_a_value_that_cannot_be_shown_does_not_cost_the_line() -> None:
    class Unshowable:
        def __str__(self) -> str:
            raise RuntimeError

    out = io.StringIO()
    configure("INFO", "json", out)
    get_logger("x").info("shown", value=Unshowable(), nan=float("nan"))
    line = lines_of(out)[0]
    assert line["value"] == "<Unshowable>"
    assert line["nan"] is None


def test_an_interrupt_is_no_error() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert out.getvalue() == ""


async def test_what_the_loop_cannot_deliver_is_logged() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    register_secret(BAIT)
    loop = asyncio.get_running_loop()
    handle_loop_errors(loop)
    loop.call_exception_handler({"message": "never retrieved", "exception": ValueError(BAIT)})
    loop.call_exception_handler({"message": "no exception"})
    first, second = lines_of(out)
    assert first["reason"] == "never retrieved"
    assert "ValueError: ***" in first["exception"]
    assert "exception" not in second


async def test_names_that_cannot_be_looked_up_are_told_of_once_and_are_no_error() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    loop = asyncio.get_running_loop()
    handle_loop_errors(loop)
    for _ in range(3):
        error = socket.gaierror(-2, "Name or service not known")
        loop.call_exception_handler({"message": "Future exception was never retrieved", "exception": error})
    (line,) = lines_of(out)
    assert (line["severity"], line["event"]) == ("WARNING", "name_lookup_failed")


def test_an_error_in_hand_brings_its_traceback() -> None:
    out = io.StringIO()
    configure("INFO", "json", out)
    get_logger("x").error("failed", exc_info=ValueError("why"), n=1)
    assert "ValueError: why" in lines_of(out)[0]["exception"]
