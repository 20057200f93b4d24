"""How the simulated Hyperliquid words fills, books and contexts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foreshock_sdk import ContextField, LiquidatedSide, SimLiquidation
from foreshock_sdk.simbooks import ladder
from foreshock_sdk.simtools import plain

ACCOUNT = "0x010461c14e146ac35fe42271bdc1134ee31c703a"
"""The account whose fills are liquidations: a vault of the venue's."""
OTHER = "0x360878d351f05975e25f1807a27895e1e5e004fb"
FIRST_TRADE = 745_210_434_000_000


def fill(row: SimLiquidation) -> dict[str, Any]:
    """Return ACCOUNT's fill of a liquidation: in turn its own, its counterparty's, its vault's."""
    own, backstop = row.row % 3 == 0, row.row % 3 == 2  # noqa: PLR2004 - one of three
    long_died = row.liquidated_side == LiquidatedSide.LONG
    position = "Long" if long_died else "Short"
    opens = "Open Long" if long_died else "Open Short"
    return {
        "coin": row.raw_symbol,
        "px": plain(row.price),
        "sz": plain(row.size),
        "side": "A" if long_died == own else "B",
        "time": row.ts_event_ms,
        "startPosition": "0.0",
        "dir": f"Liquidated Cross {position}" if backstop else f"Close {position}" if own else opens,
        "closedPnl": "0.0",
        "hash": "0x" + "0" * 64,
        "oid": 55_030_848_197 + row.row,
        "crossed": own or backstop,
        "fee": "0.0",
        "tid": FIRST_TRADE + row.row,
        "liquidation": {
            "liquidatedUser": ACCOUNT if own else OTHER,
            "markPx": plain(row.price),
            "method": "backstop" if backstop else "market",
        },
        "feeToken": "USDC",
        "twapId": None,
    }


def book(coin: str, prices: Mapping[ContextField, float], now_ms: int) -> dict[str, Any]:
    """Return the best levels of a coin."""
    levels = [[{"px": plain(price), "sz": plain(size), "n": 1} for price, size in side] for side in ladder(prices)]
    return {"channel": "l2Book", "data": {"coin": coin, "time": now_ms, "levels": levels}}


def asset(coin: str, prices: Mapping[ContextField, float], now_ms: int) -> dict[str, Any]:  # noqa: ARG001 - says no time
    """Return a coin's context."""
    mark = prices[ContextField.MARK]
    context = {
        "funding": plain(prices.get(ContextField.FUNDING, 0.0)),
        "openInterest": plain(prices.get(ContextField.OPEN_INTEREST, 0.0)),
        "oraclePx": plain(prices.get(ContextField.INDEX, mark)),
        "markPx": plain(mark),
        "midPx": plain(mark),
    }
    return {"channel": "activeAssetCtx", "data": {"coin": coin, "ctx": context}}
