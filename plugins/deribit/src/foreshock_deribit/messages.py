"""The messages of Deribit's JSON-RPC as far as we read them, and those we say.

Source: documentation, "trades.(kind).(currency).(interval)", "ticker.(instrument_name).(interval)",
"book.(instrument_name).(group).(depth).(interval)" and "public/set_heartbeat", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

TEST = '{"jsonrpc":"2.0","id":0,"method":"public/test","params":{}}'
"""Keeps a socket alive, and answers the venue's test_request."""
HEARTBEAT_S = 30


class Trade(msgspec.Struct):
    """A trade with a liquidation; direction is the taker's."""

    instrument_name: str
    trade_id: Annotated[str, msgspec.Meta(min_length=1)]
    direction: Literal["buy", "sell"]
    liquidation: Literal["T", "M", "MT"]
    amount: Positive
    price: Positive
    timestamp: Millis


class Ticker(msgspec.Struct):
    """What a contract trades at."""

    instrument_name: str
    timestamp: Millis
    mark_price: NonNegative | None = None
    index_price: NonNegative | None = None
    current_funding: Finite | None = None
    open_interest: NonNegative | None = None
    best_bid_price: NonNegative | None = None
    best_bid_amount: NonNegative | None = None
    best_ask_price: NonNegative | None = None
    best_ask_amount: NonNegative | None = None


class Book(msgspec.Struct):
    """The best levels of a book, whole with each message."""

    instrument_name: str
    timestamp: Millis
    bids: list[tuple[Positive, Positive]]
    asks: list[tuple[Positive, Positive]]


def trades_channel(currency: str) -> str:
    """Return the channel of all futures' trades of a currency; `any` is all."""
    return f"trades.future.{currency}.100ms"


def ticker_channel(raw_symbol: str) -> str:
    """Return the channel of a contract's ticker."""
    return f"ticker.{raw_symbol}.100ms"


def book_channel(raw_symbol: str) -> str:
    """Return the channel of a contract's 20 best levels a side."""
    return f"book.{raw_symbol}.none.20.100ms"
