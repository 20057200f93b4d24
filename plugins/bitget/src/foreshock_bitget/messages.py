"""The messages of Bitget UTA v3 as far as we read them, and the topics they come under.

Source: UTA documentation, "Liquidation Channel", "Tickers Channel" and "Order Book Channel", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

LIQUIDATION = "liquidation"
TICKER = "ticker"
BOOK = "books50"
USDT_FUTURES = "usdt-futures"
USDC_FUTURES = "usdc-futures"
COIN_FUTURES = "coin-futures"


class Row(msgspec.Struct):
    """One liquidation."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Positive
    amount: Positive
    ts: Millis


class Arg(msgspec.Struct, rename={"kind": "instType"}):
    """What a push of liquidations answers to; coin-margined ones are looked at one by one."""

    kind: Literal["usdt-futures", "usdc-futures"]
    topic: Literal["liquidation"]


class Push(msgspec.Struct):
    """A frame of liquidations."""

    arg: Arg
    data: list[Row]
    ts: Millis = 0


class Ticker(msgspec.Struct, rename="camel"):
    """What is told of one contract; the contract itself stands beside it. Sizes and interest in coins."""

    mark_price: Positive | Literal[""] = ""
    index_price: Positive | Literal[""] = ""
    funding_rate: Finite | Literal[""] = ""
    open_interest: NonNegative | Literal[""] = ""
    bid: Positive | Literal[""] = msgspec.field(default="", name="bid1Price")
    ask: Positive | Literal[""] = msgspec.field(default="", name="ask1Price")
    bid_size: NonNegative | Literal[""] = msgspec.field(default="", name="bid1Size")
    ask_size: NonNegative | Literal[""] = msgspec.field(default="", name="ask1Size")


class Book(msgspec.Struct):
    """The best 50 levels a side, whole; (price, coins), best first."""

    b: list[tuple[Positive, NonNegative]]
    a: list[tuple[Positive, NonNegative]]
    ts: Millis
