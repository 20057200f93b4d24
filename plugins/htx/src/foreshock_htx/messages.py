"""The messages of HTX futures as far as we read them, and the topics they come under.

Source: HTX OpenAPI, USDT-M and coin-M futures, "Subscribe Liquidation Orders", "Subscribe Contract Info", "Subscribe
funding rate", "Subscribe Market Depth", "Subscribe BBO" and "Kline Data of Mark Price", checked 2026-11-20. The venue
quotes some numbers and not others: both are read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

LIQUIDATIONS = "liquidation_orders"
CONTRACTS = "contract_info"
FUNDING = "funding_rate"
BBO = "bbo"
DEPTH = "depth.step0"
MARK = "mark_price.1min"
INDEX = "index.1min"


class Row(msgspec.Struct):
    """One liquidation order. volume counts contracts; amount coins, where it is told."""

    contract_code: str
    direction: Literal["buy", "sell"]
    offset: Literal["close", "both"]
    volume: Positive
    price: Positive
    created_at: Millis
    amount: Positive | None = None


class Contract(msgspec.Struct):
    """One contract of the venue's list, by REST or pushed."""

    contract_code: str
    contract_size: Positive
    delivery_date: str = ""


class Funding(msgspec.Struct):
    """The funding rate of one contract."""

    contract_code: str
    funding_rate: Finite


class Best(msgspec.Struct):
    """Best bid and ask, (price, contracts)."""

    ts: Millis
    bid: tuple[Positive, NonNegative] | None = None
    ask: tuple[Positive, NonNegative] | None = None


class Depth(msgspec.Struct):
    """150 levels a side, (price, contracts), best first."""

    ts: Millis
    bids: list[tuple[Positive, NonNegative]] | None = None
    asks: list[tuple[Positive, NonNegative]] | None = None


class Candle(msgspec.Struct):
    """The running minute of a price."""

    close: Positive


def topic(what: str) -> str:
    """Return the topic of the whole market."""
    return f"public.*.{what}"


def channel(contract: str, what: str) -> str:
    """Return the channel of one contract's market."""
    return f"market.{contract}.{what}"
