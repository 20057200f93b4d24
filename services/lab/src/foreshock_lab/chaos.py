"""Faults in mid-run, and the proof afterwards: the streams hold what an unbroken run would have written."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from foreshock_lab.conductor import Asides, Attendance
from foreshock_lab.demo import DemoOptions, conduct
from foreshock_lab.domain.facts import Fact
from foreshock_lab.domain.faults import SERVER, Fault, FaultKind
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.rebuild import differences, order_of, rebuild
from foreshock_lab.house import House
from foreshock_lab.outcome import Outcome
from foreshock_lab.summary import OnProgress, Progress
from foreshock_model import keys
from foreshock_model.entries import InputEntry
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.ids import as_text
from foreshock_signals.settings import SignalsSettings

PAGE = 1_000
RESTART_SECONDS = 0.2
GAP_MARGIN_NS = 500_000_000
"""A row may have been under way for so long when its reader died."""
RETENTION_SECONDS = "86400"
TRACKED = SignalsSettings().tracked_symbols
log = get_logger("lab")

Entries = dict[str, dict[bytes, bytes]]


class Gap(NamedTuple):
    """A time for which feeds says that it may have missed a route's frames (ns UTC). route: venue/name."""

    route: str
    start: int
    end: int

    def covers(self, venue: str, at: int) -> bool:
        """Tell whether a frame of the venue at that time may be missing."""
        inside = self.start - GAP_MARGIN_NS <= at <= self.end + GAP_MARGIN_NS
        return inside and self.route.partition("/")[0] == venue


class ChaosReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run with faults left behind.

    outcome      as of any run; rows sent to a feeds process that died are lost in it
    unexplained  lost rows outside every gap that feeds recorded: must be none
    differences  entries of metrics and signals other than an unbroken run would write: must be none
    """

    faults: tuple[Fault, ...]
    outcome: Outcome
    gaps: tuple[Gap, ...]
    unexplained: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when nothing is unexplained, different, doubled or invented."""
        account = self.outcome.account
        return not (self.unexplained or self.differences or account.duplicates or account.unknown)

    def describe(self) -> str:
        """Return what happened and what is wrong, a line each."""
        account = self.outcome.account
        gaps = (f"gap {each.route} {each.start} {(each.end - each.start) / 1e9:.3f} s" for each in self.gaps)
        faults = (f"{each.at_s} s: {each.kind} {each.target} {each.seconds} s" for each in self.faults)
        counts = f"sent {account.sent} lost {account.lost} doubled {account.duplicates} unknown {account.unknown}"
        return "\n".join((*faults, *gaps, counts, *self.unexplained, *self.differences, *self.outcome.problems))


async def run_chaos(
    options: DemoOptions, faults: Sequence[Fault], on_progress: OnProgress | None = None
) -> ChaosReport:
    """Run a demo with these faults and verify it. Raises LabError when a service does not come back."""
    inspection = _Inspection(options.partitions)
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="foreshock-run-") as place:
        outcome = await conduct(
            with_long_memory(options),
            Attendance(options.run_dir or Path(place), on_progress or _silent, asyncio.Event()),
            asides=Asides(during=lambda house: inflict(house, faults), after=inspection.look),
            ledger=ledger,
        )
    return ChaosReport(
        faults=tuple(faults),
        outcome=outcome,
        gaps=tuple(inspection.gaps),
        unexplained=tuple(unexplained(outcome.account.missing, ledger.sent, inspection.gaps)),
        differences=tuple(inspection.differences),
    )


def with_long_memory(options: DemoOptions) -> DemoOptions:
    """Return the options with streams that keep everything and snapshots every second."""
    kept = {"retention_seconds": RETENTION_SECONDS, "snapshot_seconds": "1"}
    more = {"feeds": {"retention_seconds": RETENTION_SECONDS}, "velocity": kept, "signals": {"snapshot_seconds": "1"}}
    extra = {service: {**fields, **options.extra.get(service, {})} for service, fields in more.items()}
    return msgspec.structs.replace(options, extra=extra)


async def inflict(house: House, faults: Sequence[Fault]) -> None:
    """Let every fault happen at its time, counted from now; return when all services serve again."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for fault in faults:
        await asyncio.sleep(max(start + fault.at_s - loop.time(), 0.0))
        log.info("fault", kind=fault.kind.value, target=fault.target, seconds=fault.seconds)
        await _happen(house, fault)


async def _happen(house: House, fault: Fault) -> None:
    if fault.target == SERVER:
        await house.kill_server()
    elif fault.kind is FaultKind.STOP:
        await house.stop_for(fault.target, fault.seconds)
    else:
        await house.kill(fault.target)
        await asyncio.sleep(RESTART_SECONDS)
        await house.restart(fault.target)


def unexplained(missing: Sequence[Hashable], sent: Mapping[Hashable, int], gaps: Sequence[Gap]) -> list[str]:
    """Name the missing rows that no gap accounts for. sent: when each was written, ns UTC."""
    return [
        f"{row} sent at {sent[row]}"
        for row in missing
        if not (isinstance(row, Fact) and any(gap.covers(row.venue, sent[row]) for gap in gaps))
    ]


class _Inspection:
    """Reads back the streams of a house that has come to rest."""

    def __init__(self, partitions: int) -> None:
        self.gaps: list[Gap] = []
        self.differences: list[str] = []
        self._partitions = partitions

    async def look(self, house: House) -> None:
        """Rebuild every partition from its inputs and compare."""
        self.gaps = await read_gaps(house.redis)
        for partition in range(self._partitions):
            self.differences += await verify_partition(house.redis, partition, self._partitions)


async def read_gaps(redis: Redis) -> list[Gap]:
    """Return every gap that feeds recorded."""
    entries = await read_stream(redis, keys.FEEDS_HEALTH)
    return [
        Gap(each[b"route"].decode(), int(each[b"from_ns"]), int(each[b"to_ns"]))
        for each in entries.values()
        if each.get(b"kind") == b"gap"
    ]


async def verify_partition(redis: Redis, partition: int, partitions: int) -> list[str]:
    """Compare `metrics:{pN}` and `signals:{pN}` with what their inputs make, byte for byte; name what differs.

    The services have ended: what the market stage wrote after velocity's last commit nobody was to answer.
    """
    inputs = await read_stream(redis, keys.events(partition))
    reached = order_of(as_text(await redis.get(keys.cursor("velocity", partition))))
    inputs = {entry_id: fields for entry_id, fields in inputs.items() if order_of(entry_id) <= reached}
    tracked = tuple(each for each in TRACKED if keys.partition_of(each, partitions) == partition)
    entries = ((entry_id, InputEntry.from_fields(fields)) for entry_id, fields in inputs.items())
    wanted = await asyncio.to_thread(rebuild, entries, tracked=tracked)
    found = await read_stream(redis, keys.signals(partition))
    return [
        *differences(keys.metrics(partition), wanted.metrics, await read_stream(redis, keys.metrics(partition))),
        *differences(keys.signals(partition), wanted.signals, {key: fields[b"json"] for key, fields in found.items()}),
    ]


async def read_stream(redis: Redis, stream: str) -> Entries:
    """Return a whole stream, id to fields. Raises what redis-py raises."""
    found: Entries = {}
    start = "-"
    while True:
        page: Any = await redis.xrange(stream, start, "+", count=PAGE)
        found.update((entry_id.decode(), fields) for entry_id, fields in page)
        if len(page) < PAGE:
            return found
        start = f"({page[-1][0].decode()}"


def _silent(_: Progress) -> None:
    """Tell nobody."""
