"""What recording costs the way from frames to columns, and what rate it keeps up with."""

from __future__ import annotations

from array import array
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep

import pytest
from tests.bench.test_decode_bench import BATCH, VENUES, batches, frames_of, instruments_of

from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.segments import SegmentOptions
from foreshock_runtime.clock import SystemClock

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]
FRAMES = 100_000
RATE = 50_000
ROUNDS = 3


class Way:
    """Frames of Binance to columns, by way of a recorder when there is one."""

    def __init__(self, folder: Path | None) -> None:
        connector, template, name = VENUES[0]
        table = instruments_of(connector.venue, name)
        self._decoder = connector.decoder(connector.routes(table, (), connector.endpoints)[0], table)
        self._ingest = Ingest(table)
        self._ready = [
            [each.encode() for each in map(str, batch)] for batch in batches(frames_of(template, name, FRAMES))
        ]
        self._received = array("q", [SystemClock().now()] * BATCH)
        place = (
            None
            if folder is None
            else SegmentOptions(folder=folder, segment_bytes=2**30, segment_seconds=3600, keep_bytes=0)
        )
        self.recorder = Recorder(place, "bench", SystemClock()) if place else None

    def run(self, rate: float) -> tuple[float, float]:
        """Take all frames, so many a second; return seconds of work and of the processor, all threads."""
        work, cpu, begun = 0.0, process_time(), perf_counter()
        for number, frames in enumerate(self._ready):
            ahead = begun + number * BATCH / rate - perf_counter()
            if ahead > 0:
                sleep(ahead)
            since = perf_counter()
            if self.recorder is not None:
                self.recorder.frames("binance/market-0", 1, frames, self._received)
            self._ingest.rows(self._decoder.feed(frames), self._received)
            work += perf_counter() - since
        return work, process_time() - cpu

    def close(self) -> tuple[int, int]:
        """End it; return how many frames were recorded and how many dropped."""
        if self.recorder is None:
            return 0, 0
        self.recorder.close()
        return self.recorder.written, self.recorder.dropped


def test_recording_keeps_up_and_costs_less_than_decoding(tmp_path: Path) -> None:
    plain, taped = Way(None), Way(tmp_path)
    found = [(plain.run(RATE), taped.run(RATE)) for _ in range(ROUNDS)]
    written, dropped = taped.close()
    work = median(mine[0] / bare[0] for bare, mine in found)
    cpu = median(mine[1] - bare[1] for bare, mine in found) / FRAMES * 1e6
    size = sum(each.stat().st_size for each in tmp_path.iterdir()) / written
    print(f"\nat {RATE:,} frames/s: reading takes {work:.2f} times as long, {cpu:.2f} us of all threads a frame more,")
    print(f"{size:.0f} bytes a frame on the disk, {dropped} of {written + dropped:,} dropped")
    assert dropped == 0
    assert work < 2.0
