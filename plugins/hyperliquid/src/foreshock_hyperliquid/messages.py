"""The messages of Hyperliquid as far as we read them.

Source: API documentation, "Websocket / Subscriptions", "Info endpoint / Retrieve a user's fills", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

FILLS = "userFills"
EVENTS = "user"
"""The channel that answers to a subscription of `userEvents`."""
BOOK = "l2Book"
TOP = "bbo"
ASSET = "activeAssetCtx"
SILENT = frozenset({
    *("trades", "allMids", "candle", "notification", "webData2", "webData3", "orderUpdates", "userFundings"),
    *("userNonFundingLedgerUpdates", "userHistoricalOrders", "userTwapSliceFills", "userTwapHistory"),
    *("activeSpotAssetCtx", "activeAssetData", "fastAssetCtxs", "explorerTxs", "explorerBlock", "post"),
    *("clearinghouseState", "openOrders", "twapStates", "spotState", "allDexsClearinghouseState"),
})  # fmt: skip
"""Other channels, those of accounts among them: known, and nothing for us. The hash of a trade marks no liquidation."""


class Liquidation(msgspec.Struct, rename="camel"):
    """What a fill says when it was part of a liquidation: whose, and whether the book or a vault took the position."""

    liquidated_user: str
    method: Literal["market", "backstop"]


class Fill(msgspec.Struct, rename="camel"):
    """One fill of one account; side A is a sell, B a buy. tid names the trade, equal for both its parties."""

    coin: str
    px: Positive
    sz: Positive
    side: Literal["A", "B"]
    time: Millis
    liquidation: Liquidation
    dir: str = ""
    crossed: bool | None = None
    tid: NonNegative = 0.0


class Fills(msgspec.Struct, rename="camel"):
    """Fills of an account; `user` channels do not say whose."""

    fills: list[object]
    user: str = ""
    is_snapshot: bool = False


class Level(msgspec.Struct):
    """One price of the book."""

    px: Positive
    sz: NonNegative


class Book(msgspec.Struct):
    """The best levels: bids, then asks."""

    coin: str
    time: Millis
    levels: tuple[list[Level], list[Level]]


class Top(msgspec.Struct):
    """The best bid and ask; None on an empty side."""

    coin: str
    time: Millis
    bbo: tuple[Level | None, Level | None]


class Context(msgspec.Struct, rename="camel"):
    """What stands beside a coin's market; funding is of an hour, open interest in coins."""

    mark_px: Positive
    oracle_px: Positive
    funding: Finite
    open_interest: NonNegative


class Asset(msgspec.Struct):
    """A coin and its context. It says no time."""

    coin: str
    ctx: Context
