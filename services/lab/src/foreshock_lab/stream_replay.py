"""`foreshock replay --streams`: archived inputs through velocity and signals, entry for entry under their ids."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import msgspec

from foreshock_lab.domain.rebuild import order_of
from foreshock_lab.domain.steps import Answered, PartitionSteps, tracked_in
from foreshock_lab.domain.stream_archive import StreamEntry
from foreshock_lab.domain.stream_hash import StreamHash
from foreshock_lab.errors import LabError
from foreshock_lab.pace import Pace
from foreshock_lab.replay_sink import Destination, Verdict, delivering
from foreshock_lab.stream_archive import events_file, read_entries, read_manifest, signals_file
from foreshock_lab.summary import OnProgress, Phase, Progress, signal_counts
from foreshock_model import keys
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError
from foreshock_runtime.clock import monotonic_ns
from foreshock_signals.settings import SignalsSettings
from foreshock_velocity.domain.current import Publication

TOLD_NS = 500_000_000
NS_PER_MS = 1_000_000
ALL = f"{1 << 62}-0"


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. speed: 1 is real time; None: as fast as it goes. tracked: as the live signals was told."""

    folder: Path
    speed: float | None = None
    tracked: tuple[str, ...] = SignalsSettings().tracked_symbols
    to: Destination = Destination()


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an archive of streams.

    gone     entries that had left the streams before they were archived
    hashes   of each `signals:{pN}` as replayed, live as archived: SHA-256 of all ids and fields
    """

    kind: str = "streams"
    ok: bool
    partitions: int
    recorded_s: float
    elapsed_s: float
    entries: int
    gone: int
    signals: Mapping[str, int]
    level_changes: int
    episodes: int
    hashes: Mapping[str, str]
    live: Mapping[str, str]
    problems: tuple[str, ...] = ()


class StreamReplay:
    """One run over an archive. The market stage does not run: what it said stands in the inputs."""

    def __init__(self, options: StreamOptions) -> None:
        self.manifest = read_manifest(options.folder)
        self.pace = Pace(options.speed)
        self.verdict = Verdict(self.manifest.partitions)
        self._folder = options.folder
        partitions = range(self.manifest.partitions)
        self._steps = [PartitionSteps(each, tracked_in(each, len(partitions), options.tracked)) for each in partitions]

    def latest(self, partition: int) -> list[Publication]:
        """Return a partition's newest figures that its last entry made due, key and JSON."""
        return self._steps[partition].latest()

    async def run(self, stop: asyncio.Event) -> AsyncIterator[Answered]:
        """Walk the answers, each when it is due, until the archive ends or `stop` is set. Raises LabError."""
        streams = [self._inputs(partition) for partition in range(self.manifest.partitions)]
        for (ms, _), partition, entry in heapq.merge(*streams, key=lambda each: each[:2]):
            if stop.is_set():
                return
            await self.pace.until(ms * NS_PER_MS)
            yield self._take(partition, entry)

    def live(self) -> list[StreamHash]:
        """Return the hash of each partition's signals as the live run said them."""
        return [self._hash(partition) for partition in range(self.manifest.partitions)]

    def _inputs(self, partition: int) -> Iterator[tuple[tuple[int, int], int, StreamEntry]]:
        for entry in read_entries(events_file(self._folder, partition), self.manifest.reached[partition]):
            yield order_of(entry.id), partition, entry

    def _take(self, partition: int, entry: StreamEntry) -> Answered:
        try:
            return self._steps[partition].take(entry.id, InputEntry.from_fields(entry.stored))
        except (CodecError, ValueError) as error:
            raise LabError(f"{keys.events(partition)} {entry.id} cannot be replayed: {error}") from error

    def _hash(self, partition: int) -> StreamHash:
        found = StreamHash()
        for entry in read_entries(signals_file(self._folder, partition), ALL):
            found.add(entry.id, entry.stored)
        return found


async def replay_streams(
    options: StreamOptions, on_progress: OnProgress | None = None, stop: asyncio.Event | None = None
) -> StreamReport:
    """Replay an archive of streams and compare with what the live run said. Raises LabError."""
    began, stop, told = monotonic_ns(), stop or asyncio.Event(), 0
    replay = StreamReplay(options)
    async with delivering(options.to, replay, replay.verdict, paced=options.speed is not None) as delivery:
        async for each in replay.run(stop):
            await delivery.take(each)
            if on_progress is not None and monotonic_ns() - told > TOLD_NS:
                told = monotonic_ns()
                on_progress(_progress(replay, Phase.RUNNING))
    if on_progress is not None:
        on_progress(_progress(replay, Phase.DONE))
    return _report(replay, began, interrupted=stop.is_set())


def _report(replay: StreamReplay, began: int, *, interrupted: bool) -> StreamReport:
    verdict, live = replay.verdict, replay.live()
    differing = [
        f"{keys.signals(at)} differs from the live run's: {mine.entries} signals replayed, {theirs.entries} archived"
        for at, (mine, theirs) in enumerate(zip(verdict.hashes, live, strict=True))
        if mine.hexdigest() != theirs.hexdigest()
    ]
    if replay.manifest.gone and differing:
        differing.append(f"{replay.manifest.gone} entries had left the streams before they could be archived")
    problems = ("interrupted before the end",) if interrupted else tuple(differing)
    return StreamReport(
        ok=not problems,
        partitions=replay.manifest.partitions,
        recorded_s=round(replay.pace.elapsed_s, 3),
        elapsed_s=round((monotonic_ns() - began) / 1e9, 3),
        entries=verdict.entries,
        gone=replay.manifest.gone,
        signals=signal_counts(verdict.story.levels),
        level_changes=len(verdict.story.changes),
        episodes=verdict.story.episodes,
        hashes={keys.signals(at): each.hexdigest() for at, each in enumerate(verdict.hashes)},
        live={keys.signals(at): each.hexdigest() for at, each in enumerate(live)},
        problems=problems,
    )


def _progress(replay: StreamReplay, phase: Phase) -> Progress:
    return Progress(
        phase=phase,
        elapsed_s=replay.pace.elapsed_s,
        duration_s=0.0,
        sent=replay.verdict.entries,
        processed=replay.verdict.entries,
        counted="entries",
        throttled=0,
        signals=signal_counts(replay.verdict.story.levels),
    )
