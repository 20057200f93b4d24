"""Market events, one row at a time: for people, `normalize` and the tests of plugins. Hot paths carry columns."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec


class LiquidatedSide(IntEnum):
    """The position that died. Never the side of an order."""

    LONG = 0
    SHORT = 1


class PriceKind(IntEnum):
    """What the price of a liquidation is. Only AVERAGE and MARK lie at the market."""

    AVERAGE = 0
    """Average fill price of the liquidation order."""
    MARK = 1
    """Mark price at which the venue took the position over."""
    BANKRUPTCY = 2
    """Price at which the margin is gone: off the market by about the maintenance margin."""
    LIMIT = 3
    """Limit price of the liquidation order: worse than the fill."""


class EventFlag(IntFlag):
    """What a reader should know about one row."""

    NONE = 0
    CLAMPED = 1
    """ts_event lay after ts_recv and was set to it."""
    PACKAGED_SPECS = 2
    """Contract values came from the packaged table, not from the venue's REST."""
    REPLAYED = 4
    """Sent by the venue on subscribing: it may be old."""
    BACKFILLED = 8
    """Fetched from the venue's REST after a gap."""
    SNAPSHOT = 16
    """Part of the past that the venue tells whoever subscribes: no news."""


class ContextField(IntEnum):
    """What the value of a context row is; units in brackets."""

    MARK = 0
    """Mark price [USD a base coin]."""
    INDEX = 1
    """Index price [USD a base coin]."""
    FUNDING = 2
    """Funding rate of the running period [fraction]."""
    OPEN_INTEREST = 3
    """Open interest [base coins]."""
    BID = 4
    """Best bid [USD a base coin]."""
    ASK = 5
    """Best ask [USD a base coin]."""
    BID_QUANTITY = 6
    """Quantity at the best bid [base coins]."""
    ASK_QUANTITY = 7
    """Quantity at the best ask [base coins]."""
    DEPTH_BID_10BP = 8
    """Bids within 0.1 % of the mid price [USD]."""
    DEPTH_ASK_10BP = 9
    """Asks within 0.1 % of the mid price [USD]."""
    DEPTH_BID_100BP = 10
    """Bids within 1 % of the mid price [USD]."""
    DEPTH_ASK_100BP = 11
    """Asks within 1 % of the mid price [USD]."""


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    venue: str
    symbol: str
    instrument: str
    raw_symbol: str
    ts_event: int
    ts_recv: int


class LiquidationEvent(_Event, frozen=True, kw_only=True):
    """One forced closing.

    price and quantity are per base coin with the contract's multiplier taken out; notional_usd = what was
    closed in USD; times are integer ns UTC; event_id is the same for the same event in every process. spec_version says
    which values of the contract were used: those the venue told, counted from 1, or 0 for packaged ones.
    """

    liquidated_side: LiquidatedSide
    price: float
    price_kind: PriceKind
    quantity: float
    notional_usd: float
    multiplier: float
    flags: EventFlag
    event_id: str
    spec_version: int = 0


class MarkPrice(_Event, frozen=True, kw_only=True):
    """Mark price and, where the venue sends it in the same message, the index price [USD a base coin]."""

    price: float
    index_price: float | None = None


class FundingRate(_Event, frozen=True, kw_only=True):
    """Funding rate of the running period as a fraction."""

    rate: float


class OpenInterest(_Event, frozen=True, kw_only=True):
    """Open interest in base coins, one side counted."""

    quantity: float


class TopOfBook(_Event, frozen=True, kw_only=True):
    """Best bid and ask [USD a base coin] with their quantities [base coins]."""

    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float


class BookDepth(_Event, frozen=True, kw_only=True):
    """What rests in the book near the mid price [USD]; None where the levels told do not reach so far."""

    bid_10bp: float | None = None
    ask_10bp: float | None = None
    bid_100bp: float | None = None
    ask_100bp: float | None = None


def imbalance(bid: float, ask: float) -> float:
    """Return (bid - ask) / (bid + ask) of two depths, from -1 (asks alone) to 1; 0 for an empty book."""
    return (bid - ask) / (bid + ask) if bid + ask > 0 else 0.0
