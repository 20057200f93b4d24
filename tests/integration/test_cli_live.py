"""What the live view reads of a real server, and that it keeps itself up to date."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis as sync_redis
from rich.console import Console

from foreshock_cli.live.reading import Reader
from foreshock_cli.live.view import LiveView
from foreshock_lab.summary import Phase, Progress, RunInfo
from foreshock_model import keys
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer


@pytest.fixture
def client(redis_server: EmbeddedServer) -> Iterator[sync_redis.Redis]:
    with sync_redis.Redis.from_url(redis_server.url, protocol=2) as made:
        made.flushall()
        yield made


def put(client: sync_redis.Redis, key: str, value: object) -> None:
    client.set(key, json.dumps(value))


def hear(client: sync_redis.Redis, **fields: Any) -> None:
    client.xadd(keys.CASCADE_SIGNALS, {"json": json.dumps(fields)})


def test_an_empty_server_gives_an_empty_view(client: sync_redis.Redis) -> None:
    view = Reader(client).read()
    assert (view.regime, view.mark, view.symbols, view.routes, view.recent) == (None, None, [], {}, [])


def test_markets_come_in_the_order_of_danger(client: sync_redis.Redis) -> None:
    put(client, keys.REGIME, {"regime": "HIGH", "coverage": 0.53})
    put(client, keys.BTC_PRICE, {"price": 94_812.5})
    windows = {"2s": {"LONG": {"usd": 1.0, "count": 1}, "SHORT": {"usd": 2.0, "count": 1}}}
    put(client, keys.velocity_current("CALMUSDT"), {"windows": windows})
    for symbol, level, probability in (("CALMUSDT", "NONE", 0.01), ("WILDUSDT", "ALERT", 0.7)):
        put(client, keys.probability(symbol), {"level": level, "sides": {"LONG": {"probability": probability}}})
    view = Reader(client).read()
    assert (view.regime, view.mark, view.coverage) == ("HIGH", 94_812.5, 0.53)
    assert [(each.symbol, each.level, each.probability) for each in view.symbols] == [
        ("WILDUSDT", "ALERT", {"LONG": 0.7}),
        ("CALMUSDT", "NONE", {"LONG": 0.01}),
    ]
    assert view.symbols[1].usd["2s"] == 3.0


def test_keys_of_a_strange_shape_are_unknown_not_fatal(client: sync_redis.Redis) -> None:
    client.set(keys.REGIME, "not json")
    put(client, keys.probability("XUSDT"), {"level": None, "sides": None})
    put(client, keys.velocity_current("XUSDT"), {"windows": {"2s": 5}})
    put(client, keys.BTC_PRICE, {"price": "high"})
    view = Reader(client).read()
    assert (view.regime, view.mark) == (None, None)
    assert [each.symbol for each in view.symbols] == ["XUSDT"]


def test_a_route_shows_its_newest_state(client: sync_redis.Redis) -> None:
    for route, to in (("a/0", "UNPROVEN"), ("b/0", "LIVE"), ("a/0", "LIVE")):
        client.xadd(keys.FEEDS_HEALTH, {"kind": "state", "route": route, "to": to})
    client.xadd(keys.FEEDS_HEALTH, {"kind": "gap", "route": "a/0"})
    assert Reader(client).read().routes == {"a/0": "LIVE", "b/0": "LIVE"}


def test_a_route_that_never_changed_is_known_from_the_ticks(client: sync_redis.Redis) -> None:
    routes = {"a/0": "CONNECTING", "b/0": "CONNECTING"}
    tick = InputEntry("tick", "feeds:0", 1, 1, 5, json.dumps({"routes": routes}).encode())
    client.xadd(keys.events(0), tick.to_fields())  # type: ignore[arg-type] # redis-py's keys are invariant
    client.xadd(keys.FEEDS_HEALTH, {"kind": "state", "route": "a/0", "to": "LIVE"})
    assert Reader(client).read().routes == {"a/0": "LIVE", "b/0": "CONNECTING"}


def test_a_repeated_signal_brings_its_line_up_to_date_and_a_change_adds_one(client: sync_redis.Redis) -> None:
    reader = Reader(client)
    hear(client, level="WATCH", symbol="BTCUSDT", side="LONG", probability=0.3, ts=1)
    assert [message.probability for message in reader.read().recent] == [0.3]
    hear(client, level="WATCH", symbol="BTCUSDT", side="LONG", probability=0.4, ts=2)
    hear(client, level="ALERT", symbol="BTCUSDT", side="LONG", probability=0.6)
    hear(client, level="WATCH", symbol="BTCUSDT", side="SHORT", probability=0.2)
    hear(client, kind="notice", status="DEGRADED", service="velocity")
    hear(client, level="WATCH", symbol="BTCUSDT", side="LONG", probability=0.35)
    client.xadd(keys.CASCADE_SIGNALS, {"json": "broken"})
    recent = reader.read().recent
    assert recent[0].ts == 1, "the time of the change"
    assert [(message.level, message.probability) for message in recent] == [
        ("WATCH", 0.4),
        ("ALERT", 0.6),
        ("WATCH", 0.2),
        ("NONE", 0.0),
        ("WATCH", 0.35),
    ]


class Watched(StringIO):
    """A terminal that says when some words have been written to it."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.seen = threading.Event()
        self._words = words

    def write(self, text: str) -> int:
        written = super().write(text)
        if all(word in self.getvalue() for word in self._words):
            self.seen.set()
        return written

    def isatty(self) -> bool:
        return True


def progress(url: str | None) -> Progress:
    info = url and RunInfo(redis_url=url, redis_port=None, partitions=1, run_dir=Path("/r"))
    return Progress(
        phase=Phase.RUNNING,
        elapsed_s=1,
        duration_s=30,
        sent=0,
        processed=0,
        throttled=0,
        signals={},
        info=info or None,
    )


def test_the_view_is_drawn_from_the_house_as_soon_as_it_has_an_address(
    client: sync_redis.Redis, redis_server: EmbeddedServer
) -> None:
    put(client, keys.REGIME, {"regime": "ELEVATED"})
    terminal = Watched("running", "ELEVATED")
    with LiveView("demo", Console(file=terminal, force_terminal=True, width=100, height=40)) as view:
        view.take(progress(None))
        view.take(progress(redis_server.url))
        assert terminal.seen.wait(10)


def test_a_server_that_is_away_is_not_the_end() -> None:
    terminal = Watched("running ...")
    with LiveView("demo", Console(file=terminal, force_terminal=True, width=100, height=40)) as view:
        view.take(progress("redis://127.0.0.1:1/0"))
        assert terminal.seen.wait(10)
