"""What a venue allows is kept, and what it refuses is left alone for as long as it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from tests.integration.feeds_rest import Answer, Rest
from tests.integration.feeds_toy import House, Toy, readers, server
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from foreshock_feeds import socket as subject
from foreshock_feeds.domain import policy
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.rest import RestRefused, VenueRest
from foreshock_feeds.venue import Tuning
from foreshock_lab.polling import within
from foreshock_sdk import Endpoints, Instruments, Purpose, RestRequest, Route

AT_ONCE = Tuning(chance=lambda: 0.0)


async def quiet(client: ServerConnection) -> None:
    await client.recv()
    await client.send(json.dumps({"canary": 1}))
    await client.wait_closed()


@readers
@pytest.mark.parametrize("status", [429, 418, 403])
async def test_a_handshake_refused_for_too_many_is_not_tried_again_before_the_venue_says(
    reader: type[OpenSocket], status: int
) -> None:
    times: list[float] = []

    def request(client: ServerConnection, _: Request) -> Response | None:
        times.append(asyncio.get_running_loop().time())
        if len(times) > 1:
            return None
        answer = client.respond(status, "too many")
        answer.headers["Retry-After"] = "1"
        return answer

    async with serve(quiet, "127.0.0.1", 0, process_request=request) as running:
        house = House(f"ws://127.0.0.1:{next(iter(running.sockets)).getsockname()[1]}", reader, tuning=AT_ONCE)
        await house.venue.start([])
        try:
            await house.until(lambda: house.states[-1:] == [RouteState.LIVE])
        finally:
            await house.venue.stop()
    assert times[1] - times[0] > 0.95
    assert house.venue.sockets[0].refused == 1


@readers
async def test_a_handshake_refused_for_other_reasons_is_tried_as_the_policy_says(reader: type[OpenSocket]) -> None:
    came = 0

    def request(client: ServerConnection, _: Request) -> Response | None:
        nonlocal came
        came += 1
        return client.respond(502, "bad gateway") if came < 4 else None

    async with serve(quiet, "127.0.0.1", 0, process_request=request) as running:
        house = House(f"ws://127.0.0.1:{next(iter(running.sockets)).getsockname()[1]}", reader, tuning=AT_ONCE)
        await house.venue.start([])
        try:
            await house.until(lambda: house.states[-1:] == [RouteState.LIVE])
        finally:
            await house.venue.stop()
    assert (house.venue.sockets[0].refused, house.venue.sockets[0].reconnects) == (0, 3)


async def test_rest_is_asked_no_more_often_than_the_venue_allows() -> None:
    with Rest().serving() as site:
        site.answers = {"a": b"yes"}
        rest = VenueRest("toy", 5.0)
        request = RestRequest(name="a", url=f"{site.endpoints.rest}/a")
        assert await asyncio.gather(*(rest.get(request) for _ in range(11))) == [b"yes"] * 11
    ordered = sorted(site.times)
    assert all(later - earlier > 0.9 for earlier, later in zip(ordered, ordered[5:], strict=False))


async def test_after_a_refusal_nobody_asks_this_venue_before_the_time_it_named() -> None:
    with Rest().serving() as site:
        site.answers = {"a": [Answer(429, headers=(("Retry-After", "1"),)), b"yes"]}
        rest = VenueRest("toy", 1_000.0)
        request = RestRequest(name="a", url=f"{site.endpoints.rest}/a")
        with pytest.raises(RestRefused, match="HTTP 429"):
            await rest.get(request)
        assert set(await asyncio.gather(rest.get(request), rest.get(request))) == {b"yes"}
    assert site.times[1] - site.times[0] > 0.95
    assert rest.refusals == 1


async def test_a_request_that_waited_its_turn_when_the_venue_refused_another_waits_on() -> None:
    with Rest().serving() as site:
        site.answers = {"a": [Answer(429, headers=(("Retry-After", "2"),)), b"yes"]}
        rest = VenueRest("toy", 2.0)
        request = RestRequest(name="a", url=f"{site.endpoints.rest}/a")
        answers = await asyncio.gather(*(rest.get(request) for _ in range(3)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["RestRefused", "bytes", "bytes"]
    assert max(site.times) - min(site.times) > 1.95, "the third had its place a second after the first"


async def test_a_request_with_a_body_is_a_post() -> None:
    with Rest().serving() as site:
        site.answers = {"a": b"yes"}
        request = RestRequest(name="a", url=f"{site.endpoints.rest}/a", body=b'{"type":"meta"}')
        assert await VenueRest("toy", 5.0).get(request) == b"yes"
    assert site.posted == {"a": b'{"type":"meta"}'}


@readers
async def test_what_is_said_while_disconnected_is_said_after_the_subscriptions(reader: type[OpenSocket]) -> None:
    heard: list[str] = []

    async def handler(client: ServerConnection) -> None:
        async for frame in client:
            heard.append(str(frame))
            await client.send(json.dumps({"canary": 1}))

    house = House("ws://127.0.0.1:1", reader, tuning=AT_ONCE)
    async with server(handler) as url:
        await house.venue.start([])
        try:
            (route,) = house.venue.sockets
            for number in range(1_003):
                route.send(f"late {number}")
            route.change(msgspec.structs.replace(route.session.route, url=url))
            assert await within(20, lambda: len([each for each in heard if each.startswith("late")]) >= 5)
            route.send("now")
        finally:
            await house.venue.stop()
    assert heard[0] == '{"op":"subscribe"}'
    assert [each for each in heard if each.startswith("late")][:5] == [f"late {number}" for number in range(3, 8)]
    assert route.outbound_dropped == 3


class Private(Toy):
    """Its only route belongs to an account."""

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        (route,) = super().routes(instruments, symbols, endpoints)
        return [msgspec.structs.replace(route, purpose=Purpose.PRIVATE)]


async def test_a_private_stream_rests_after_some_failures_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    resting = policy.POLICIES[Purpose.PRIVATE]._replace(attempts=3, open=0.8)
    monkeypatch.setitem(policy.POLICIES, Purpose.PRIVATE, resting)
    times: list[float] = []

    async def handler(client: ServerConnection) -> None:
        times.append(asyncio.get_running_loop().time())
        client.transport.abort()

    async with server(handler) as url:
        house = House(url, WebsocketsReader, connector=Private(url), tuning=AT_ONCE)
        await house.venue.start([])
        try:
            assert await within(20, lambda: len(times) == 5)
        finally:
            await house.venue.stop()
    pauses = [later - earlier > 0.7 for earlier, later in pairwise(times)]
    assert pauses == [False, False, True, True]
    dead = house.reasons[house.states.index(RouteState.DEAD)]
    assert dead.startswith("3 attempts in a row failed: ")


@readers
@pytest.mark.parametrize(("how", "words"), [("work", "decoding takes 6"), ("sleep", "decoding waits: it takes 6")])
async def test_a_slow_decoder_rests_and_the_other_venue_goes_on(
    reader: type[OpenSocket], how: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "SLOW_SECONDS", 0.5)
    times: list[float] = []

    async def handler(client: ServerConnection) -> None:
        times.append(asyncio.get_running_loop().time())
        await client.recv()
        for _ in range(3 if len(times) == 1 else 0):
            await client.send(json.dumps({how: 0.6}))
            await asyncio.sleep(0.05)
        await client.send(json.dumps({"canary": 1}))
        await client.wait_closed()

    async with server(handler) as url, server(quiet) as elsewhere:
        slow, good = House(url, reader, tuning=AT_ONCE), House(elsewhere, reader)
        await good.venue.start([])
        try:
            await good.until(lambda: good.states[-1:] == [RouteState.LIVE])
            await slow.venue.start([])
            await slow.until(lambda: RouteState.DEAD in slow.states)
            (route,) = slow.venue.sockets
            reason = route.session.failure or ""
            await slow.until(lambda: slow.states[-1] is RouteState.LIVE)
        finally:
            await slow.venue.stop()
            await good.venue.stop()
    assert reason.startswith(f"DecoderTooSlow: {words}")
    assert reason.endswith(" judged)")
    assert times[1] - times[0] > 0.45
    assert good.states[:2] == [RouteState.UNPROVEN, RouteState.LIVE]
    assert RouteState.DEAD not in good.states
