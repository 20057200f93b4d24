"""The messages of OKX v5 as far as we read them, and the channels they come under.

Source: v5 documentation, "Liquidation orders channel", "Mark price channel", "Index tickers channel", "Funding rate
channel", "Open interest channel", "Tickers channel" and "Order book channel", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

KINDS = ("SWAP", "FUTURES")
LIQUIDATIONS = "liquidation-orders"
MARK_PRICE = "mark-price"
INDEX_PRICE = "index-tickers"
FUNDING = "funding-rate"
OPEN_INTEREST = "open-interest"
TICKERS = "tickers"
BOOKS = "books"
RETIRED = "liquidations"


class Arg(msgspec.Struct, gc=False):
    """What the push answers to."""

    channel: Literal["liquidation-orders"]
    instType: Literal["SWAP", "FUTURES"]  # noqa: N815 - the venue's spelling


class Detail(msgspec.Struct, gc=False):
    """One liquidation order."""

    side: Literal["sell", "buy"]
    sz: Positive
    bkPx: Positive  # noqa: N815
    ts: Millis
    posSide: Literal["long", "short", "net"] = "net"  # noqa: N815


class Item(msgspec.Struct, gc=False):
    """The orders of one contract."""

    instId: str  # noqa: N815
    details: list[Detail]


class Push(msgspec.Struct, gc=False):
    """One frame."""

    arg: Arg
    data: list[Item]


class Mark(msgspec.Struct, rename="camel"):
    """Mark price of one contract."""

    inst_id: str
    mark_px: Positive
    ts: Millis


class Index(msgspec.Struct, rename="camel"):
    """Index price of an underlying pair, `BTC-USDT`."""

    inst_id: str
    idx_px: Positive
    ts: Millis


class Funding(msgspec.Struct, rename="camel"):
    """Funding rate of the running period."""

    inst_id: str
    funding_rate: Finite
    ts: Millis


class Interest(msgspec.Struct, rename="camel"):
    """Open interest of one contract; oiCcy counts coins."""

    inst_id: str
    oi_ccy: NonNegative
    ts: Millis


class Ticker(msgspec.Struct, rename="camel"):
    """Best bid and ask of one contract; sizes are contracts, "" on an empty side."""

    inst_id: str
    ts: Millis
    bid_px: Positive | Literal[""] = ""
    bid_sz: NonNegative | Literal[""] = ""
    ask_px: Positive | Literal[""] = ""
    ask_sz: NonNegative | Literal[""] = ""


class BookSides(msgspec.Struct, rename="camel"):
    """Levels of both sides as [price, contracts, "0", orders]; prevSeqId is -1 in a snapshot, else the one before."""

    bids: list[tuple[Positive, NonNegative, str, int]]
    asks: list[tuple[Positive, NonNegative, str, int]]
    ts: Millis
    seq_id: int
    prev_seq_id: int
