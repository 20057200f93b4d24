"""Prints the rate of cryptofeed's own handler for Binance liquidations: `python cryptofeed_rate.py FRAMES SECONDS`.

FRAMES is a file of frames, one a line. Runs in the environment that has cryptofeed (it builds from source).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from cryptofeed.defines import LIQUIDATIONS  # type: ignore[import-not-found]
from cryptofeed.exchanges import BinanceFutures  # type: ignore[import-not-found]
from cryptofeed.symbols import Symbols  # type: ignore[import-not-found]

NAMES = {f"COIN{number}-USDT-PERP": f"COIN{number}USDT" for number in range(100)}


async def take(_event: Any, _receipt: float) -> None:
    return


async def rate(frames: list[str], seconds: float) -> float:
    Symbols.set(BinanceFutures.id, NAMES, {"instrument_type": dict.fromkeys(NAMES, "perpetual")})
    feed = BinanceFutures(symbols=list(NAMES), channels=[LIQUIDATIONS], callbacks={LIQUIDATIONS: take})
    best, end = 0.0, perf_counter() + seconds
    while perf_counter() < end:
        begun = perf_counter()
        for frame in frames:
            await feed.message_handler(frame, None, begun)
        best = max(best, len(frames) / (perf_counter() - begun))
    return best


def main() -> None:
    frames = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    print(asyncio.run(rate(frames, float(sys.argv[2]))))


if __name__ == "__main__":
    main()
