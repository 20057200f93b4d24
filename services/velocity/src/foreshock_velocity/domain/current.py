"""The JSON of the keys that tell the latest state of a symbol to anybody who asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from foreshock_model import keys
from foreshock_model.metrics import WindowMetrics
from foreshock_model.sight import Sight
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.conclusions import conclusions
from foreshock_velocity.domain.window_view import windows_of

SCHEMA = 1
BTC = "BTCUSDT"
Publication = tuple[str, bytes]
"""Name of a key and the JSON it should hold."""


class NewestMark(NamedTuple):
    """Mark price [USD a base coin] of a symbol, the venue's time of it (ns UTC) and the contract that gave it.

    funding  newest funding rate of that contract [fraction of the running period], NaN for none, and its time
    """

    symbol: str
    price: float
    ts: int
    instrument: str
    funding: float = math.nan
    funding_ts: int = 0


def velocity_documents(metrics: WindowMetrics, rows: Sequence[int]) -> list[Publication]:
    """Return rows of metrics as the JSON of `velocity:{symbol}:current`; what is undefined is null."""
    return [
        (keys.velocity_current(metrics.symbols[row]), _velocity_json(metrics, row, windows))
        for row, windows in zip(rows, windows_of(metrics, rows), strict=True)
    ]


def _velocity_json(metrics: WindowMetrics, row: int, windows: msgspec.Raw) -> bytes:
    return msgspec.json.encode(  # which writes NaN as null
        {
            "schema": SCHEMA,
            "symbol": metrics.symbols[row],
            "ts": int(metrics.as_of[row]),
            "venues": metrics.venues,
            "windows": windows,
            "totals": {side.name: _totals(metrics, row, side) for side in LiquidatedSide},
            "mark": float(metrics.mark[row]),
            "mark_ts": int(metrics.mark_ts[row]),
            "warming": metrics.warming,
            **_seen(metrics.sight),
            **conclusions(metrics, row),
        }
    )


def _seen(sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        return {"coverage": None, "venues_used": (), "venues_missing": ()}
    return {"coverage": sight.coverage, "venues_used": sight.used, "venues_missing": sight.missing}


def _totals(metrics: WindowMetrics, row: int, side: int) -> dict[str, float]:
    return {
        "count": int(metrics.total_count[row, side].sum()),
        "usd": float(metrics.total_usd[row, side].sum()),
    }


def mark_publications(mark: NewestMark) -> list[Publication]:
    """Return the keys that hold a mark price, and the funding rate of the same contract."""
    contract = {"schema": SCHEMA, "symbol": mark.symbol, "instrument": mark.instrument}
    document = msgspec.json.encode(contract | {"price": mark.price, "ts": mark.ts})
    named = [keys.mark_current(mark.symbol)]
    if mark.symbol == BTC:
        named.append(keys.BTC_PRICE)
    published = [(name, document) for name in named]
    if math.isfinite(mark.funding):
        rate = msgspec.json.encode(contract | {"rate": mark.funding, "ts": mark.funding_ts})
        published.append((keys.funding_current(mark.symbol), rate))
    return published
