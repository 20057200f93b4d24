"""Prints the rate of ccxt pro's own handler for Binance liquidations: `python ccxt_rate.py FRAMES SECONDS`.

FRAMES is a file of frames, one a line. Runs in the environment that has ccxt. The path is the client's own, from the
frame's text on: parse, dispatch, normalise, resolve who waits.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import ccxt.pro  # type: ignore[import-not-found]

BASES = [f"COIN{number}" for number in range(100)]


def markets(exchange: Any) -> list[Any]:
    """Contracts as ccxt would have loaded them."""
    found = []
    for base in BASES:
        names = {"id": f"{base}USDT", "symbol": f"{base}/USDT:USDT", "base": base, "quote": "USDT", "settle": "USDT"}
        kind = {
            "type": "swap",
            "spot": False,
            "margin": False,
            "swap": True,
            "future": False,
            "option": False,
            "contract": True,
            "linear": True,
            "inverse": False,
            "contractSize": 1.0,
        }
        found.append(exchange.extend({"precision": {}, "limits": {}, "info": {}, "active": True}, names, kind))
    return found


async def rate(frames: list[str], seconds: float) -> tuple[float, int]:
    """Return the best rate and how many liquidations the exchange keeps."""
    exchange = ccxt.pro.binance({"options": {"defaultType": "future", "liquidationsLimit": 1000}})
    exchange.set_markets(markets(exchange))
    client = exchange.client("wss://fstream.binance.test/market/stream")
    best, end = 0.0, perf_counter() + seconds
    while perf_counter() < end:
        begun = perf_counter()
        for frame in frames:
            client.handle_text_or_binary_message(frame)
        best = max(best, len(frames) / (perf_counter() - begun))
    kept = len(exchange.liquidations or ())
    await exchange.close()
    return best, kept


def main() -> None:
    frames = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    best, kept = asyncio.run(rate(frames, float(sys.argv[2])))
    if not kept:
        sys.exit("ccxt read no liquidation out of these frames")
    print(best)


if __name__ == "__main__":
    main()
