"""Writers and readers of events in processes of their own: `python stream_roles.py ROLE REDIS_URL EVENTS`.

one-writer      one XADD an event, flat fields, as most collectors do
one-reader      reads them, prints {"n": n, "seconds": from the first to the last}
batch-writer    the same rows as feeds hands them to its writer: batches of what is due, one entry at a time
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import numpy as np
from redis import Redis

from foreshock_model.batch import Columns, EventBatch, InstrumentRef, encode
from foreshock_runtime.connection import connect_url
from foreshock_runtime.streams.writer import PartitionWriter

SYMBOLS = 100
ROWS = 1_000


def one_writer(url: str, events: int) -> None:
    redis = Redis.from_url(url)
    for n in range(events):
        fields: Any = {
            "venue": "binance", "symbol": f"COIN{n % SYMBOLS}USDT", "side": "LONG", "price": "82651.9",
            "quantity": "0.19", "notional": "15703.861", "ts": str(time.time_ns()),
        }  # fmt: skip
        redis.xadd("single", fields)


def one_reader(url: str, events: int) -> None:
    redis = Redis.from_url(url)
    seen, last, total, first = 0, "0-0", 0.0, 0.0
    while seen < events:
        answer: Any = redis.xread({"single": last}, count=1_000, block=1_000)
        for _, entries in answer or ():
            first = first or time.monotonic()
            for entry_id, fields in entries:
                total += float(fields[b"notional"])
                last = entry_id
            seen += len(entries)
    print(json.dumps({"n": seen, "seconds": time.monotonic() - first}), flush=True)


async def batch_writer(url: str, events: int) -> None:
    redis = connect_url(url)
    writer = PartitionWriter(redis, partitions=1, writer="feeds:0", epoch=1)
    refs = tuple(
        InstrumentRef("binance", f"COIN{n}USDT", f"COIN{n}USDT-PERP.BINANCE", f"COIN{n}USDT") for n in range(SYMBOLS)
    )
    for start in range(0, events, ROWS):
        now = time.time_ns()
        columns: Columns = {
            "instrument": np.arange(ROWS, dtype=np.uint16) % SYMBOLS,
            "liquidated_side": np.zeros(ROWS, np.uint8),
            "price_kind": np.zeros(ROWS, np.uint8),
            "flags": np.zeros(ROWS, np.uint16),
            "price": np.full(ROWS, 82651.9),
            "quantity": np.full(ROWS, 0.19),
            "notional_usd": np.full(ROWS, 15703.861),
            "ts_event": np.full(ROWS, now),
            "ts_recv": np.full(ROWS, now),
            "event_id": np.arange(start, start + ROWS, dtype=np.uint64),
        }
        writer.add(0, "batch", now, encode(EventBatch(refs, columns)))
        await writer.flush()
    await redis.aclose()


def main() -> None:
    role, url, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if role == "batch-writer":
        asyncio.run(batch_writer(url, events))
    else:
        {"one-writer": one_writer, "one-reader": one_reader}[role](url, events)


main()
