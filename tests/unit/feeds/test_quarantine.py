"""Bad frames are kept within bounds."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from foreshock_feeds.quarantine import FRAME_BYTES, KEPT, REPORT_EVERY_NS, Quarantine
from foreshock_runtime.clock import FrameClock
from foreshock_sdk.columns import Fault

FAULT = Fault(0, 3, "no price")


def fields(command: tuple[Any, ...]) -> dict[Any, Any]:
    assert command[:6] == ("XADD", "feeds:bad", "MAXLEN", "~", KEPT, "*")
    return dict(zip(command[6::2], command[7::2], strict=True))


def test_a_frame_is_kept_as_text_with_its_reason() -> None:
    quarantine = Quarantine(FrameClock(42))
    quarantine.add("a/0", b"\xffabc", FAULT)
    quarantine.add("a/0", "text", Fault(0, None, "not JSON"))
    assert [fields(each) for each in quarantine.waiting] == [
        {"route": "a/0", "ts": 42, "row": 3, "reason": "no price", "frame": "\\xffabc"},
        {"route": "a/0", "ts": 42, "row": "", "reason": "not JSON", "frame": "text"},
    ]


def test_the_newest_are_kept_cut_to_a_bound_and_all_are_counted() -> None:
    quarantine = Quarantine(FrameClock())
    for number in range(KEPT + 5):
        quarantine.add("a/0", f"{number} ".ljust(3 * FRAME_BYTES), FAULT)
    assert len(quarantine.waiting) == KEPT
    assert quarantine.counts["a/0"] == KEPT + 5
    assert quarantine.dropped == 5
    assert fields(quarantine.waiting[-1])["frame"] == f"{KEPT + 4} ".ljust(FRAME_BYTES)


def test_a_flood_is_reported_once_in_ten_seconds_and_route(caplog: pytest.LogCaptureFixture) -> None:
    clock = FrameClock(1)
    quarantine = Quarantine(clock)
    with caplog.at_level(logging.WARNING, "foreshock.feeds"):
        for route in ("a/0", "a/0", "b/0"):
            quarantine.add(route, b"x", FAULT)
        clock.advance(1 + REPORT_EVERY_NS)
        quarantine.add("a/0", b"x", FAULT)
    assert [record.message for record in caplog.records] == ["bad_frame"] * 3
