"""One recording over one partition and over eight: the same episodes, the same levels, the same times."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.e2e.recordings import record

from foreshock_lab.replay import ReplayOptions, run_replay
from foreshock_model import keys, signal
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer

pytestmark = pytest.mark.timeout(120)
VENUE = "bybit"
TOLERANCE_NS = 200_000_000


class Change(NamedTuple):
    """A change of level of one cascade."""

    symbol: str
    side: str
    level: str


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
                entries: Any = await redis.xrange(keys.signals(partition))
                for _, fields in entries:
                    said = signal.decode(fields[b"json"])
                    if levels.get((said.symbol, said.side), "NONE") != said.level:
                        levels[said.symbol, said.side] = said.level
                        found.setdefault(Change(said.symbol, said.side, said.level), []).append(said.ts)
        return found
    finally:
        await server.stop()


async def test_one_partition_and_eight_tell_the_same(tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    record(recording, VENUE, "multi", 25.0)
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
