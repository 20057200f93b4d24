"""Sockets are held while writing catches up, and never for long."""

from __future__ import annotations

import asyncio

from foreshock_feeds import flow as flows
from foreshock_feeds.flow import Flow


async def test_listeners_hear_each_change_once_and_late_ones_the_present() -> None:
    flow, heard, late = Flow(), list[bool](), list[bool]()
    flow.listen(heard.append)
    flow.hold()
    flow.hold()
    flow.listen(late.append)
    flow.release()
    flow.release()
    assert heard == [True, False]
    assert late == [True, False]


async def test_one_that_was_forgotten_hears_nothing() -> None:
    flow, heard = Flow(), list[bool]()
    flow.listen(heard.append)
    flow.forget(heard.append)
    flow.forget(heard.append)
    flow.hold()
    assert heard == []
    flow.release()


async def test_holding_is_given_up_when_writing_takes_long_until_a_write_succeeds() -> None:
    flow, free = Flow(), asyncio.Event()
    changes = list[bool]()

    def listen(held: bool) -> None:
        changes.append(held)
        if not held:
            free.set()

    flow.listen(listen)
    flow.hold()
    async with asyncio.timeout(20 * flows.LONGEST_SECONDS):
        await free.wait()
    assert flow.given_up
    flow.hold()
    assert changes == [True, False]
    flow.release()
    flow.hold()
    assert changes == [True, False, True]
    flow.release()
