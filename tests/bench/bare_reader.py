"""The least that makes metrics of events: `python bare_reader.py REDIS_URL EVENTS`.

Whatever is there is read, added to a grid of buckets, summed over seven windows for the symbols touched, and written as
one entry. Prints n, entries, and p50 and p99 in ms from the socket to that entry's acknowledgement.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from redis import Redis

ROW = np.dtype([("symbol", "<i8"), ("price", "<f8"), ("size", "<f8"), ("ts", "<i8"), ("recv", "<i8")])
SYMBOLS = 1_000
BUCKET_NS = 100_000_000
BUCKETS = (1, 5, 20, 100, 300, 600, 3_000)


class Grid:
    """USD by symbol and bucket of 100 ms: one ring, no error bounds, no late rows, no sides, no venues."""

    def __init__(self) -> None:
        self._usd = np.zeros((SYMBOLS, BUCKETS[-1]))
        self._newest = 0

    def take(self, rows: Any) -> bytes:
        """Add rows and return the sums of the symbols among them."""
        newest = int(rows["recv"][-1]) // BUCKET_NS
        for bucket in range(max(self._newest + 1, newest - BUCKETS[-1] + 1), newest + 1):
            self._usd[:, bucket % BUCKETS[-1]] = 0.0
        self._newest = newest
        np.add.at(self._usd, (rows["symbol"], newest % BUCKETS[-1]), rows["price"] * rows["size"])
        touched = np.unique(rows["symbol"])
        ordered = self._usd[touched][:, (newest - np.arange(BUCKETS[-1])) % BUCKETS[-1]]
        sums = ordered.cumsum(axis=1)[:, np.array(BUCKETS) - 1]
        return bytes(touched.tobytes() + sums.tobytes())


def main() -> None:
    redis = Redis.from_url(sys.argv[1])
    expected = int(sys.argv[2])
    grid = Grid()
    seen, last, latencies = 0, "0-0", []
    quiet = time.monotonic() + 60
    while seen < expected and time.monotonic() < quiet:
        answer: Any = redis.xread({"bare": last}, count=256, block=250)
        for _, entries in answer or ():
            last = entries[-1][0]
            parts = [np.frombuffer(fields[b"d"], ROW) for _, fields in entries]
            rows = np.concatenate(parts)
            seen += len(rows)
            redis.xadd("bare-metrics", {"d": grid.take(rows)})
            now = time.time_ns()
            latencies += [now - int(part["recv"][-1]) for part in parts]
    times = np.array(latencies) / 1e6
    p50, p99 = np.percentile(times, (50, 99))
    print(json.dumps({"n": seen, "entries": len(times), "p50": float(p50), "p99": float(p99)}), flush=True)


main()
