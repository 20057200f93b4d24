"""What an outcome becomes in Redis: the record, the subscribers' stream and channels, histories, latest figures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from foreshock_model import keys, signal
from foreshock_model.sight import Sight
from foreshock_model.signal import Level, Signal
from foreshock_runtime.streams import Command
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.outcome import Assessment, Outcome

LATEST_TTL_MS = 5_000
"""A key of a dead pipeline goes away instead of telling of calm."""
MS = 1_000_000

_ENCODER = msgspec.json.Encoder()


class Retention(NamedTuple):
    """How much is kept: entries of the record, of the subscribers' stream, of each history, and its seconds."""

    record: int
    subscribers: int
    history: int
    history_seconds: int


Latest = dict[str, Assessment | dict[str, object]]
"""Keys of the latest figures, and what they should hold."""


def of(outcome: Outcome, partition: int, entry_id: str, kept: Retention) -> list[Command]:
    """Return the commands that publish an outcome's signals; ids of the record follow from the entry's id."""
    return list(
        chain.from_iterable(
            _signal(each, keys.signals(partition), keys.output_id(entry_id, k), kept)
            for k, each in enumerate(outcome.signals)
        )
    )


def latest_of(outcome: Outcome, *, tells_market: bool) -> Latest:
    """Return what an outcome tells as latest. tells_market: this partition writes the keys that exist once for all."""
    found: Latest = {keys.probability(each.symbol): each for each in outcome.assessments}
    if outcome.market is not None and tells_market:
        found |= _market(outcome.market, outcome.sight)
    return found


def renewing(latest: Latest) -> list[Command]:
    """Return the commands that renew the keys of the latest figures."""
    return [("SET", key, _ENCODER.encode(document), "PX", LATEST_TTL_MS) for key, document in latest.items()]


def _signal(said: Signal, record: str, name: str, kept: Retention) -> Iterator[Command]:
    document = signal.encode(said)
    flat = (
        "signal_id", said.signal_id, "symbol", said.symbol, "side", said.side, "level", said.level,
        "probability", said.probability, "ts", said.ts, "episode_id", said.episode_id, *_seen(said), "json", document,
    )  # fmt: skip
    yield ("XADD", record, "MAXLEN", "~", kept.record, name, *flat)
    yield ("XADD", keys.CASCADE_SIGNALS, "MAXLEN", "~", kept.subscribers, "*", *flat)
    yield ("PUBLISH", keys.CASCADE_SIGNALS, document)
    level = Level[said.level]
    if level >= Level.ALERT:
        yield ("PUBLISH", keys.CASCADE_ALERTS, document)
    if level >= Level.CRITICAL:
        yield ("PUBLISH", keys.CASCADE_CRITICAL, document)
    for history in (keys.CASCADE_HISTORY, keys.history(said.symbol)):
        yield from _history(history, said.ts // MS, document, kept)


def _seen(said: Signal) -> tuple[str | float, ...]:
    """Return how much of the market was seen, and who hides orders, as flat fields; an empty coverage is unknown."""
    quality = said.data_quality
    return (
        "coverage", "" if quality.coverage is None else quality.coverage,
        "venues_used", ",".join(quality.venues_used), "venues_missing", ",".join(quality.venues_missing),
        "censored", ",".join(quality.censored),
    )  # fmt: skip


def _history(key: str, ts_ms: int, document: bytes, kept: Retention) -> Iterator[Command]:
    yield ("ZADD", key, ts_ms, document)
    yield ("ZREMRANGEBYSCORE", key, "-inf", f"({ts_ms - kept.history_seconds * 1_000}")
    yield ("ZREMRANGEBYRANK", key, 0, -kept.history - 1)


def _market(market: Market, sight: Sight | None) -> Latest:
    coverage = None if sight is None else sight.coverage
    return {
        keys.REGIME: {
            "schema": market.schema,
            "regime": market.regime,
            "multiplier": market.multiplier,
            "volatility_bp": market.volatility_bp,
            "warming": market.warming,
            "breadth": market.breadth,
            "symbols": market.symbols,
            "max_probability": market.max_probability,
            "max_symbol": market.max_symbol or None,
            "coverage": coverage,
            "ts": market.clock,
        },
        keys.BTC_VOLATILITY: {
            "schema": market.schema,
            "volatility_bp": market.volatility_bp,
            "volatility_percent": market.volatility_percent,
            "btc_mark": market.btc_mark,
            "btc_mark_ts": market.btc_mark_ts,
            "warming": market.warming,
            "coverage": coverage,
            "ts": market.clock,
        },
    }
