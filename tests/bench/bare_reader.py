"""The least a reader can do: `python bare_reader.py REDIS_URL EVENTS`. Prints n, p50 and p99 to the reader in ms."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from redis import Redis

ROW = np.dtype([("price", "<f8"), ("size", "<f8"), ("ts", "<i8"), ("recv", "<i8")])


def main() -> None:
    redis = Redis.from_url(sys.argv[1])
    expected = int(sys.argv[2])
    seen, last, latencies = 0, "0-0", []
    quiet = time.monotonic() + 60
    while seen < expected and time.monotonic() < quiet:
        answer: Any = redis.xread({"bare": last}, count=256, block=250)
        for _, entries in answer or ():
            for entry_id, fields in entries:
                rows = np.frombuffer(fields[b"d"], ROW)
                seen += len(rows)
                last = entry_id
                latencies.append(time.time_ns() - int(rows["recv"][-1]))
    times = np.array(latencies) / 1e6
    p50, p99 = np.percentile(times, (50, 99))
    print(json.dumps({"n": seen, "entries": len(times), "p50": float(p50), "p99": float(p99)}), flush=True)


main()
