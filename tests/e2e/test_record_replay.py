"""A house is recorded and its streams are archived while it runs; what is replayed is what it said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis.asyncio import Redis

from foreshock_lab.chaos import read_stream, with_long_memory
from foreshock_lab.demo import DemoOptions, run_demo
from foreshock_lab.domain.story import Change, Story
from foreshock_lab.errors import LabError
from foreshock_lab.recording_replay import RecordingOptions, RecordingReport, replay_recordings
from foreshock_lab.replay_sink import Destination
from foreshock_lab.stream_archive import StreamExport, signals_file
from foreshock_lab.stream_replay import StreamOptions, replay_streams
from foreshock_model import keys, signal
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry, Sequencer
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk.discovery import Plugins

pytestmark = pytest.mark.timeout(180)
TOLERANCE_NS = 100_000_000
VENUES = ("binance", "bybit", "okx")


class Said(NamedTuple):
    """What the streams hold: entries of feeds as (partition, kind, clock, data), events, changes of level."""

    entries: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]
    changes: list[Change]
    signals: list[dict[str, dict[bytes, bytes]]]


async def look(url: str, partitions: int) -> Said:
    entries, events, story, signals = list[tuple[Any, ...]](), list[tuple[Any, ...]](), Story(), list[Any]()
    async with connect_url(url) as redis:
        for partition in range(partitions):
            reader = Sequencer()
            for fields in (await read_stream(redis, keys.events(partition))).values():
                entry = InputEntry.from_fields(fields)
                if entry.writer.startswith("feeds") and reader.accept(entry.writer, entry.epoch, entry.seq):
                    entries.append((partition, entry.kind, entry.clock, entry.data))
                    events += rows_of(entry)
            signals.append(await read_stream(redis, keys.signals(partition)))
            for fields in signals[-1].values():
                story.take(signal.decode(fields[b"json"]))
    return Said(entries, events, sorted(story.changes, key=lambda each: (each[1:3], each.ts)), signals)


def rows_of(entry: InputEntry) -> list[tuple[Any, ...]]:
    if entry.kind != "batch":
        return []
    batch = decode(entry.data)
    columns = [[batch.instruments[at] for at in batch.liquidations["instrument"].tolist()]]
    columns += [values.tolist() for name, values in batch.liquidations.items() if name != "instrument"]
    return list(zip(*columns, strict=True))


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    running = EmbeddedServer()
    await running.start()
    try:
        yield running.url
    finally:
        await running.stop()


async def archive(url: str, folder: Path) -> StreamExport:
    async with connect_url(url) as redis:
        export = await StreamExport.begin(redis, folder)
        await export.copy()
        export.close()
        return export


def demo(url: str, partitions: int, record: Path) -> DemoOptions:
    return with_long_memory(
        DemoOptions(
            scenario="multi",
            seed=5,
            duration_s=9.0,
            partitions=partitions,
            venues=VENUES,
            redis_url=url,
            extra={"feeds": {"record_dir": str(record), "record_segment_seconds": "4"}},
        )
    )


@pytest.mark.parametrize("partitions", [1, 2])
async def test_what_is_replayed_is_what_the_house_said(partitions: int, tmp_path: Path) -> None:
    recording, streams = tmp_path / "recording", tmp_path / "streams"
    async with server() as url:
        summary = await run_demo(demo(url, partitions, recording))
        assert summary.lost == 0, summary.problems
        live = await look(url, partitions)
        exported = await archive(url, streams)
    assert len(list(recording.iterdir())) > 2, "it went on in new files"
    assert not list(recording.glob("*.part"))
    await _recording_tells_the_same(recording, live, partitions, summary.events.processed)
    assert exported.manifest.gone == 0
    await _streams_tell_byte_for_byte_the_same(streams, live, partitions)


async def _recording_tells_the_same(recording: Path, live: Said, partitions: int, processed: int) -> None:
    reports: list[RecordingReport] = []
    async with server() as url:
        for speed, to in ((None, Destination(redis_url=url)), (10.0, Destination())):
            options = RecordingOptions(paths=(recording,), partitions=partitions, speed=speed, to=to)
            reports.append(await replay_recordings(options, Plugins().connectors))
        again = await look(url, partitions)
    fast, slow = reports
    assert fast.problems == ()
    assert fast.events == processed
    assert fast.missing == fast.unread == 0
    assert (fast.hashes, fast.signals, fast.episodes) == (slow.hashes, slow.signals, slow.episodes)
    assert slow.elapsed_s > slow.recorded_s / 10 * 0.9
    assert again.events == live.events
    assert again.entries == live.entries, "feeds would write the very same"
    assert len(live.changes) > 2
    assert [change[1:] for change in again.changes] == [change[1:] for change in live.changes]
    for mine, theirs in zip(again.changes, live.changes, strict=True):
        assert abs(mine.ts - theirs.ts) <= TOLERANCE_NS, (mine, theirs)


async def _streams_tell_byte_for_byte_the_same(folder: Path, live: Said, partitions: int) -> None:
    signals = folder.parent / "signals.jsonl"
    async with server() as url:
        reports = [
            await replay_streams(StreamOptions(folder=folder, speed=speed, to=to))
            for speed, to in (
                (None, Destination(redis_url=url, signals=signals)),
                (10.0, Destination()),
                (50.0, Destination()),
            )
        ]
        again = await look(url, partitions)
        with pytest.raises(LabError, match="already holds streams"):
            await replay_streams(StreamOptions(folder=folder, to=Destination(redis_url=url)))
    for report in reports:
        assert report.problems == ()
        assert report.hashes == report.live == reports[0].hashes
    assert again.signals == live.signals
    assert signals.read_bytes().count(b"\n") == sum(reports[0].signals.values()) == sum(map(len, live.signals))
    whole = signals_file(folder, 0 if live.signals[0] else 1)
    whole.write_bytes(whole.read_bytes()[:-40])
    assert not (await replay_streams(StreamOptions(folder=folder))).ok, "what is missing shows"


async def test_an_archive_says_when_it_came_too_late(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    for number in range(1, 6):
        entry = InputEntry("tick", "feeds:0", 1, number, number * 10**8, b"")
        fields: Any = entry.to_fields()
        await redis.xadd(keys.events(0), fields, id=f"{number}-0")
    await redis.set(keys.cursor("signals", 0), "4-0")
    await redis.xtrim(keys.events(0), minid="3-0", approximate=False)
    export = await StreamExport.begin(redis, tmp_path / "late")
    await export.copy()
    assert (export.entries, export.manifest.gone, export.manifest.reached) == (2, 2, ["4-0"])
    await redis.set(keys.cursor("signals", 0), "5-0")
    await redis.xtrim(keys.events(0), minid="5-0", approximate=False)
    await export.copy()
    export.close()
    assert (export.entries, export.manifest.gone) == (3, 3), "the one copied last has left: others may have"
    report = await replay_streams(StreamOptions(folder=tmp_path / "late"))
    assert (report.ok, report.entries, report.gone) == (True, 3, 3)
    with pytest.raises(LabError, match="is not empty"):
        await StreamExport.begin(redis, tmp_path / "late")
    assert redis_server.url
