"""How the simulated OKX tells prices, funding, open interest and books, each channel at its pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from foreshock_okx.messages import BOOKS, FUNDING, INDEX_PRICE, MARK_PRICE, OPEN_INTEREST, TICKERS
from foreshock_okx.telling import family_of, kind_of
from foreshock_sdk import ContextField, InstrumentSpec, Push, SimContext
from foreshock_sdk.columns import Level
from foreshock_sdk.simbooks import Sides, SimBooks
from foreshock_sdk.simtools import plain

BOOK_MS = 100
Values = dict[ContextField, float]


class Channel(NamedTuple):
    """A channel: its pace (ms), whether only perpetuals have it, what it needs to know, its row."""

    pace_ms: int
    perpetual: bool
    needs: frozenset[ContextField]
    row: Callable[[InstrumentSpec, Values], dict[str, str]]


def _interest(spec: InstrumentSpec, values: Values) -> dict[str, str]:
    contracts = values[ContextField.OPEN_INTEREST]
    return {"oi": plain(contracts), "oiCcy": plain(spec.coins(contracts, values[ContextField.MARK]))}


def _ticker(_: InstrumentSpec, values: Values) -> dict[str, str]:
    return {
        "bidPx": plain(values[ContextField.BID]),
        "bidSz": plain(values.get(ContextField.BID_QUANTITY, 1.0)),
        "askPx": plain(values[ContextField.ASK]),
        "askSz": plain(values.get(ContextField.ASK_QUANTITY, 1.0)),
    }


CHANNELS = {
    MARK_PRICE: Channel(
        200, False, frozenset({ContextField.MARK}), lambda _, values: {"markPx": plain(values[ContextField.MARK])}
    ),
    INDEX_PRICE: Channel(
        100, True, frozenset({ContextField.INDEX}), lambda _, values: {"idxPx": plain(values[ContextField.INDEX])}
    ),
    FUNDING: Channel(
        30_000,
        True,
        frozenset({ContextField.FUNDING}),
        lambda _, values: {"fundingRate": plain(values[ContextField.FUNDING]), "nextFundingRate": ""},
    ),
    OPEN_INTEREST: Channel(3000, False, frozenset({ContextField.OPEN_INTEREST, ContextField.MARK}), _interest),
    TICKERS: Channel(100, False, frozenset({ContextField.BID, ContextField.ASK}), _ticker),
}
"""The paces of funding and open interest are not verified."""


class Prices:
    """What the venue has told so far."""

    def __init__(self, listing: Sequence[InstrumentSpec]) -> None:
        self._specs = {spec.raw_symbol: spec for spec in listing}
        self._values: dict[str, Values] = {}
        self._told_ms: dict[str, int] = {}
        self._newest: dict[str, Push] = {}
        self._books = SimBooks(BOOK_MS)
        self._sequence: dict[str, int] = {}

    def take(self, rows: Sequence[SimContext], now_ms: int) -> list[Push]:
        """Take news; return the frames that are due."""
        for row in rows:
            self._values.setdefault(row.raw_symbol, {})[row.field] = row.value
        changed = dict.fromkeys(row.raw_symbol for row in rows)
        pushes = [push for contract in changed for push in self._rows(self._specs[contract], now_ms)]
        self._newest.update({push.channel: push for push in pushes})
        return pushes + [push for contract in changed for push in self._book(contract, now_ms)]

    def newest(self, channel: str, now_ms: int) -> Push | None:
        """Return what a new subscriber of a channel is told first, None when nothing is known."""
        name, _, contract = channel.partition(":")
        if name != BOOKS:
            return self._newest.get(channel)
        told = self._books.whole(contract)
        return None if told is None else self._book_push(contract, told, -1, now_ms)

    def _rows(self, spec: InstrumentSpec, now_ms: int) -> Iterator[Push]:
        values, contract = self._values[spec.raw_symbol], spec.raw_symbol
        for name, channel in CHANNELS.items():
            subject = family_of(contract) if name == INDEX_PRICE else contract
            key = f"{name}:{subject}"
            ready = channel.needs <= values.keys() and not (channel.perpetual and spec.expiry)
            if ready and now_ms - self._told_ms.get(key, -channel.pace_ms) >= channel.pace_ms:
                self._told_ms[key] = now_ms
                row = {"instId": subject, "instType": kind_of(contract), **channel.row(spec, values), "ts": str(now_ms)}
                yield Push(key, _encode({"arg": {"channel": name, "instId": subject}, "data": [row]}))

    def _book(self, contract: str, now_ms: int) -> Iterator[Push]:
        news = self._books.news(contract, self._values[contract], now_ms)
        if news is not None:
            sides, whole = news
            before = self._sequence.get(contract, 0)
            self._sequence[contract] = before + 7
            yield self._book_push(contract, sides, -1 if whole else before, now_ms)

    def _book_push(self, contract: str, sides: Sides, before: int, now_ms: int) -> Push:
        row: dict[str, Any] = {
            "asks": _levels(sides[1]),
            "bids": _levels(sides[0]),
            "ts": str(now_ms),
            "prevSeqId": before,
            "seqId": self._sequence[contract],
        }
        action = "snapshot" if before < 0 else "update"
        frame = {"arg": {"channel": BOOKS, "instId": contract}, "action": action, "data": [row]}
        return Push(f"{BOOKS}:{contract}", _encode(frame))


def _levels(side: Sequence[Level]) -> list[list[str]]:
    return [[plain(price), plain(size), "0", "1"] for price, size in side]


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
