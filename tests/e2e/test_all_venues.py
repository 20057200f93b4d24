"""Every venue that has a simulation, through the whole house: liquidations and context, on a good day and a bad one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from foreshock_lab.chaos import read_stream
from foreshock_lab.conductor import Asides, Attendance
from foreshock_lab.demo import DemoOptions, conduct, run_demo, simulations
from foreshock_lab.house import House
from foreshock_lab.summary import Progress
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry
from foreshock_sdk.events import ContextField

pytestmark = pytest.mark.timeout(120)

PRICED = {ContextField.BID, ContextField.ASK, ContextField.BID_QUANTITY, ContextField.ASK_QUANTITY, ContextField.MARK}
DEPTH = {each for each in ContextField if each.name.startswith("DEPTH")}
WITHOUT_CONTEXT = {"lighter"}
"""Written in an afternoon, for its liquidations."""


async def test_liquidations_and_context_of_every_venue_come_through(tmp_path: Path) -> None:
    context: dict[str, set[ContextField]] = {}
    liquidated: set[str] = set()

    async def look(house: House) -> None:
        for fields in (await read_stream(house.redis, keys.events(0))).values():
            entry = InputEntry.from_fields(fields)
            if entry.kind != "batch":
                continue
            batch = decode(entry.data)
            venues = [ref.venue for ref in batch.instruments]
            liquidated.update(venues[at] for at in batch.liquidations["instrument"].tolist())
            columns = (batch.context[name].tolist() for name in ("instrument", "field"))
            for at, field in zip(*columns, strict=True):
                context.setdefault(venues[at], set()).add(ContextField(field))

    options = DemoOptions(scenario="flash", seed=4, duration_s=6.0, rate=40.0, venues=(), tcp_port=None)
    outcome = await conduct(options, Attendance(tmp_path, _silent, asyncio.Event()), asides=Asides(after=look))
    assert outcome.problems == ()
    venues = set(simulations().scripts)
    assert len(venues) > 9
    assert liquidated == venues
    assert {venue for venue, fields in context.items() if fields >= PRICED | DEPTH} == venues - WITHOUT_CONTEXT


async def test_a_bad_day_of_all_venues_balances_with_what_histories_told() -> None:
    options = DemoOptions(scenario="edge", seed=0, duration_s=8.0, rate=20.0, venues=(), tcp_port=None)
    summary = await run_demo(options)
    assert summary.problems == ()
    assert (summary.lost, summary.duplicates, summary.unknown_rows) == (0, 0, 0)


def _silent(_: Progress) -> None:
    """Tell nobody."""
