"""`foreshock replay` of recordings: feeds, velocity and signals again, on the recordings' receive clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec

from foreshock_lab.domain.recording import merged
from foreshock_lab.domain.steps import Answered, HouseSteps
from foreshock_lab.pace import Pace
from foreshock_lab.recorded_feed import Counts, Entry, SourceFeed
from foreshock_lab.recording_file import Source, read_source, sources
from foreshock_lab.replay_sink import Destination, Verdict, delivering
from foreshock_lab.summary import OnProgress, Phase, Progress, signal_counts
from foreshock_model import keys
from foreshock_runtime.clock import monotonic_ns
from foreshock_sdk.connector import Connector
from foreshock_signals.settings import SignalsSettings

TOLD_NS = 500_000_000


class RecordingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. venues: only these, all when empty. speed: 1 is real time; None: as fast as it goes."""

    paths: tuple[Path, ...]
    venues: tuple[str, ...] = ()
    speed: float | None = None
    partitions: int = 1
    tracked: tuple[str, ...] = SignalsSettings().tracked_symbols
    to: Destination = Destination()


class RecordingReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a recording.

    sources       writers whose files were read
    frames        frames read; missing: frames that the recorder says it had no room for
    events        liquidations, each counted once; duplicates_dropped: further copies
    unread        frames of venues that are not installed; bad: frames and rows that were not understood
    signals       by level; level_changes and episodes as subscribers would see them
    hashes        of each `signals:{pN}`, SHA-256
    """

    kind: str = "recording"
    ok: bool
    sources: tuple[str, ...]
    recorded_s: float
    elapsed_s: float
    frames: int
    missing: int
    unread: int
    bad: int
    events: int
    duplicates_dropped: int
    entries: int
    signals: Mapping[str, int]
    level_changes: int
    episodes: int
    hashes: Mapping[str, str]
    problems: tuple[str, ...] = ()


class RecordingReplay:
    """One run over some sources. steps answer what feeds would write; every answer goes to verdict and sinks."""

    def __init__(self, options: RecordingOptions, found: Sequence[Source], connectors: Mapping[str, Connector]) -> None:
        self.steps = HouseSteps(options.partitions, options.tracked)
        self.verdict = Verdict(options.partitions)
        self.pace = Pace(options.speed)
        self._venues = frozenset(options.venues)
        self._names = [each.name for each in found]
        self._records = merged(read_source(each) for each in found)
        self._feeds = [SourceFeed(connectors, options.partitions) for _ in found]

    async def run(self, stop: asyncio.Event) -> AsyncIterator[Answered]:
        """Walk the answers, each when it is due, until the recordings end or `stop` is set. Raises LabError."""
        for at, source, record in self._records:
            if stop.is_set():
                return
            if self._venues and record.venue and record.venue not in self._venues:
                continue
            await self.pace.until(at)
            for found in self._answers(source, self._feeds[source].take(record)):
                yield found
        for source, feed in enumerate(self._feeds):
            for found in self._answers(source, feed.end()):
                yield found

    def counts(self) -> Counts:
        """Return what all sources counted together."""
        total = Counts()
        for feed in self._feeds:
            for name, number in msgspec.structs.asdict(feed.tally()).items():
                setattr(total, name, getattr(total, name) + number)
        return total

    def _answers(self, source: int, entries: Sequence[Entry]) -> list[Answered]:
        writer, found = f"feeds:{self._names[source]}", list[Answered]()
        for each in entries:
            found.append(self.steps.take(each.partition, each.kind, writer=writer, clock=each.clock, data=each.data))
            found += self.steps.market()
        return found


async def replay_recordings(
    options: RecordingOptions,
    connectors: Mapping[str, Connector],
    on_progress: OnProgress | None = None,
    stop: asyncio.Event | None = None,
) -> RecordingReport:
    """Replay recordings of any number of writers, merged by receive time. Raises LabError."""
    began, stop, told = monotonic_ns(), stop or asyncio.Event(), 0
    found = sources(options.paths)
    replay = RecordingReplay(options, found, connectors)
    async with delivering(options.to, replay.steps, replay.verdict, paced=options.speed is not None) as delivery:
        async for each in replay.run(stop):
            await delivery.take(each)
            if on_progress is not None and monotonic_ns() - told > TOLD_NS:
                told = monotonic_ns()
                on_progress(_progress(replay, Phase.RUNNING))
    if on_progress is not None:
        on_progress(_progress(replay, Phase.DONE))
    return _report(replay, [each.name for each in found], began, interrupted=stop.is_set())


def _report(replay: RecordingReplay, names: list[str], began: int, *, interrupted: bool) -> RecordingReport:
    counts, verdict = replay.counts(), replay.verdict
    problems = {
        f"{counts.failed} connections ended because their decoder raised": counts.failed,
        f"{counts.unread} frames are of venues or routes that are not known here": counts.unread,
        "there are no frames in it": not counts.frames,
        "interrupted before the end": interrupted,
    }
    told = tuple(problem for problem, there in problems.items() if there)
    return RecordingReport(
        ok=not told,
        sources=tuple(names),
        recorded_s=round(replay.pace.elapsed_s, 3),
        elapsed_s=round((monotonic_ns() - began) / 1e9, 3),
        frames=counts.frames,
        missing=counts.dropped,
        unread=counts.unread,
        bad=counts.bad,
        events=counts.events,
        duplicates_dropped=counts.duplicates,
        entries=verdict.entries,
        signals=signal_counts(verdict.story.levels),
        level_changes=len(verdict.story.changes),
        episodes=verdict.story.episodes,
        hashes={keys.signals(at): each.hexdigest() for at, each in enumerate(verdict.hashes)},
        problems=told,
    )


def _progress(replay: RecordingReplay, phase: Phase) -> Progress:
    counts = replay.counts()
    return Progress(
        phase=phase,
        elapsed_s=replay.pace.elapsed_s,
        duration_s=0.0,
        sent=counts.frames,
        processed=counts.events,
        throttled=0,
        signals=signal_counts(replay.verdict.story.levels),
    )
