"""One recording over one partition and over eight: the same episodes, the same levels, the same times."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from foreshock_lab.domain.scenario import generate
from foreshock_lab.replay import ReplayOptions, run_replay
from foreshock_model import keys, signal
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.events import ContextField
from foreshock_sdk.simulation import SimContext, SimLiquidation

pytestmark = pytest.mark.timeout(120)
VENUE = "bybit"
START_MS = 1_790_000_000_000
STEP_MS = 100
TOLERANCE_NS = 200_000_000


class Change(NamedTuple):
    """A change of level of one cascade."""

    symbol: str
    side: str
    level: str


def record(place: Path, scenario: str, seconds: float) -> Path:
    """Write what a venue would have sent in a scenario: its throttle's frames and its mark prices, in order."""
    script = Plugins().simulations()[VENUE]
    timeline = generate(scenario, seed=3, duration_s=seconds, listings={VENUE: script.listing()})
    rows = list(timeline.rows())
    frames: list[str | bytes] = []
    for now in range(0, round(seconds * 1_000) + 2_000, STEP_MS):
        due = [row for row in rows if row.at_ms <= now]
        rows = rows[len(due) :]
        script.offer(
            [
                SimLiquidation(at, row.raw_symbol, row.liquidated_side, row.price, row.size, START_MS + row.event_ms)
                for at, row in enumerate(due)
            ]
        )
        mark = SimContext("BTCUSDT", ContextField.MARK, 60_000.0 + now / 100, START_MS + now)
        frames += [push.frame for push in (*script.context([mark], START_MS + now), *script.due(START_MS + now))]
    path = place / "recording.jsonl"
    path.write_bytes(b"\n".join(frame.encode() if isinstance(frame, str) else frame for frame in frames))
    return path


async def changes(recording: Path, partitions: int, place: Path) -> dict[Change, list[int]]:
    """Replay over so many partitions; return the times (ns UTC) of each change of level."""
    server = EmbeddedServer()
    await server.start()
    try:
        options = ReplayOptions(
            file=recording, venue=VENUE, partitions=partitions, redis_url=server.url, run_dir=place / str(partitions)
        )
        summary = await run_replay(options)
        assert summary.ok, summary.problems
        found: dict[Change, list[int]] = {}
        async with connect_url(server.url) as redis:
            for partition in range(partitions):
                levels: dict[tuple[str, str], str] = {}
                for _, fields in await redis.xrange(keys.signals(partition)):
                    said = signal.decode(fields[b"json"])
                    if levels.get((said.symbol, said.side), "NONE") != said.level:
                        levels[said.symbol, said.side] = said.level
                        found.setdefault(Change(said.symbol, said.side, said.level), []).append(said.ts)
        return found
    finally:
        await server.stop()


async def test_one_partition_and_eight_tell_the_same(tmp_path: Path) -> None:
    recording = record(tmp_path, "multi", 25.0)
    one = await changes(recording, 1, tmp_path)
    eight = await changes(recording, 8, tmp_path)
    assert {change.level for change in one} >= {"WATCH", "ALERT"}
    assert len({keys.partition_of(change.symbol, 8) for change in one}) > 1
    assert {change: len(times) for change, times in one.items()} == {
        change: len(times) for change, times in eight.items()
    }
    for change, times in one.items():
        for first, second in zip(times, eight[change], strict=True):
            assert abs(first - second) <= TOLERANCE_NS, change
