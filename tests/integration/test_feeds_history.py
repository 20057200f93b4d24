"""A venue that is cut loses nothing where it keeps a history: its own simulated REST has what the sockets missed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import Market, all_live, entries, facts, feeding, gaps, market, status_of, until

from foreshock_lab.domain.facts import Fact
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk.events import EventFlag

OLD = EventFlag.REPLAYED | EventFlag.SNAPSHOT


async def cut_for(place: Market, venue: str, seconds: float) -> None:
    """Break all sockets of a venue, and each that comes, for so long."""
    until_ms = place.player.elapsed_ms + seconds * 1_000
    while place.player.elapsed_ms < until_ms:
        for socket in tuple(place.host.venues[venue].sockets):
            socket.abort()
        await asyncio.sleep(0.01)


def coarse(fact: Fact) -> Fact:
    """Return a fact with the time in whole seconds: Gate tells no more."""
    return fact._replace(event_ms=fact.event_ms // 1_000)


async def flagged(redis: Redis) -> Counter[EventFlag]:
    """Count rows by whether they were fetched, or sent again on subscribing."""
    found: Counter[EventFlag] = Counter()
    for entry in await entries(redis):
        for event in decode(entry.data).events() if entry.kind == "batch" else ():
            found[event.flags & (EventFlag.BACKFILLED | OLD)] += 1
    return found


async def heard_live(redis: Redis) -> bool:
    """Tell whether a row came as the venue pushed it: Gate, for one, pushes once a second."""
    return (await flagged(redis))[EventFlag.NONE] > 0


async def recorded(redis: Redis, address: str) -> list[dict[bytes, bytes]]:
    """Return the gaps of the routes that bring liquidations, once each has one and none is being filled."""
    routes = {route.name.encode() for route in (await status_of(address)).routes if route.purpose == "liquidations"}
    told: Any = await redis.xrange(keys.FEEDS_HEALTH)
    asked = sum(fields[b"kind"] == b"backfill" for _, fields in told)
    mine = [each for each in await gaps(redis) if each[b"route"] in routes]
    return mine if {each[b"route"] for each in mine} == routes and len(mine) == asked else []


@pytest.mark.parametrize("venue", ["gate", "htx", "krakenfutures", "deribit", "dydx"])
async def test_what_a_cut_venue_told_meanwhile_is_fetched_and_counts_once(
    redis: Redis, redis_server: EmbeddedServer, venue: str
) -> None:
    async with market(venue) as place, feeding(redis_server.url, place) as service:
        await until(lambda: all_live(service.bound.control))
        playing = asyncio.create_task(place.play())
        await place.playing_since(0.5)
        await until(lambda: heard_live(redis))
        await cut_for(place, venue, 0.8)
        await playing
        offered = {coarse(fact) for fact in place.host.ledger.facts(range(place.host.ledger.offered))}

        async def whole() -> bool:
            return offered <= {coarse(fact) for fact in await facts(redis)}

        async def told_of() -> list[dict[bytes, bytes]]:
            """A loaded machine may bring a further gap: wait until what was recorded is what was fetched."""
            told = await recorded(redis, service.bound.control)
            rows = (await flagged(redis))[EventFlag.BACKFILLED]
            return told if sum(int(each[b"rows"]) for each in told) == rows else []

        await until(whole)
        told = await until(told_of)
        found, fetched = await facts(redis), await flagged(redis)
    assert {fact for fact, times in found.items() if times != 1} == set[Fact]()
    assert [(each[b"route"], each[b"reason"]) for each in told if each[b"filled"] != b"rest"] == []
    assert fetched[EventFlag.NONE] > 0
    assert fetched[EventFlag.BACKFILLED] > 0 or fetched[EventFlag.SNAPSHOT] > 0, "some tell it on subscribing, too"
