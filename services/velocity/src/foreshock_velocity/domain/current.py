"""The JSON of the keys that tell the latest state of a symbol to anybody who asks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec
import numpy as np

from foreshock_model import keys
from foreshock_model.metrics import WindowMetrics
from foreshock_model.sight import Sight
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.conclusions import conclusions

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


def window_name(window_ms: int) -> str:
    """Name a window as people do: 100ms, 2s, 300s."""
    return f"{window_ms}ms" if window_ms % 1_000 else f"{window_ms // 1_000}s"


def velocity_json(metrics: WindowMetrics, row: int) -> bytes:
    """Return one row of metrics as the JSON of `velocity:{symbol}:current`; what is undefined is null."""
    sides = {side.name: _side(metrics, row, side) for side in LiquidatedSide}
    return msgspec.json.encode(
        {
            "schema": SCHEMA,
            "symbol": metrics.symbols[row],
            "ts": int(metrics.as_of[row]),
            "venues": metrics.venues,
            "windows": {
                window_name(window_ms): {side: windows[number] for side, windows in sides.items()}
                for number, window_ms in enumerate(metrics.windows_ms)
            },
            "totals": {side.name: _totals(metrics, row, side) for side in LiquidatedSide},
            "mark": _or_none(float(metrics.mark[row])),
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


def _side(metrics: WindowMetrics, row: int, side: int) -> list[dict[str, Any]]:
    """Return one object a window."""
    count, usd = metrics.count[row, side], metrics.usd[row, side]
    figures = np.stack(
        [
            count.sum(axis=0, dtype=np.float64),
            usd.sum(axis=0, dtype=np.float64),
            metrics.acceleration[row, side],
            metrics.jerk[row, side],
        ],
        axis=1,
    )
    by_venue = np.stack([count, usd], axis=2).transpose(1, 0, 2).tolist()
    return [
        {
            "count": total,
            "usd": dollars,
            "count_rate": total / seconds,
            "usd_rate": dollars / seconds,
            "acceleration": _or_none(acceleration),
            "jerk": _or_none(jerk),
            "by_venue": {
                venue: {"count": pair[0], "usd": pair[1]} for venue, pair in zip(metrics.venues, pairs, strict=True)
            },
        }
        for (total, dollars, acceleration, jerk), pairs, seconds in zip(
            figures.tolist(), by_venue, metrics.seconds.tolist(), strict=True
        )
    ]


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


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
