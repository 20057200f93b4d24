"""The least a feed can do: `python bare_feed.py WS_URL REDIS_URL`. Reads, decodes, writes what is due as one entry."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
import numpy as np
from redis.asyncio import Redis
from websockets.asyncio.client import connect

STREAM = "bare"
ROW = np.dtype([("symbol", "<i8"), ("price", "<f8"), ("size", "<f8"), ("ts", "<i8"), ("recv", "<i8")])


class Order(msgspec.Struct):
    s: str
    S: str
    ap: float
    z: float
    T: int


class Push(msgspec.Struct):
    e: str
    o: Order | None = None


class Frame(msgspec.Struct):
    data: Push


async def main() -> None:
    redis = Redis.from_url(sys.argv[2])
    decode = msgspec.json.Decoder(Frame, strict=False).decode
    waiting: list[tuple[int, float, float, int, int]] = []
    numbers: dict[str, int] = {}
    wake = asyncio.Event()

    async def write() -> None:
        last = 0.0
        while True:
            await wake.wait()
            rest = 0.0005 - (time.monotonic() - last)
            if rest > 0:
                await asyncio.sleep(rest)
            wake.clear()
            last = time.monotonic()
            rows = np.array(waiting, ROW)
            waiting.clear()
            await redis.xadd(STREAM, {"d": rows.tobytes()})

    async with connect(sys.argv[1], compression=None) as socket:
        await socket.send("!forceOrder@arr")
        writing = asyncio.create_task(write())
        async for frame in socket:
            order = decode(frame).data.o
            if order is not None:
                number = numbers.setdefault(order.s, len(numbers))
                waiting.append((number, order.ap, order.z, order.T, time.time_ns()))
                wake.set()
        writing.cancel()


try:
    import uvloop
except ImportError:
    asyncio.run(main())
else:
    uvloop.run(main())
