"""A recording without a house: how long it lasts, how it fares, what came of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from foreshock_feeds.domain.recording import PREFIX
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.record import record
from foreshock_feeds.settings import FeedsSettings
from foreshock_lab.errors import LabError
from foreshock_lab.summary import OnProgress, Phase, Progress
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.settings import SettingsError


class RecordReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a recording.

    frames    frames in the files; missing: frames that are not, for want of room or because the disk took nothing
    routes    the state each was in at the end, venue/name
    bytes     what the folder's recordings take
    """

    ok: bool
    folder: str
    elapsed_s: float
    frames: int
    missing: int
    bytes: int
    routes: dict[str, str]
    problems: tuple[str, ...] = ()


async def run_record(
    settings: FeedsSettings, duration_s: float | None, on_progress: OnProgress, stop: asyncio.Event
) -> RecordReport:
    """Record until the time is over or `stop` is set. Raises LabError for settings that make no recording."""
    began, routes, outages = monotonic_ns(), dict[str, str](), dict[str, str | None]()

    def take(feeds: Feeds) -> None:
        routes.update({session.name: session.state.value for session in feeds.sessions})
        outages.update({session.name: session.outage for session in feeds.sessions})
        on_progress(_progress(began, duration_s, feeds))

    timer = asyncio.get_running_loop().call_later(duration_s, stop.set) if duration_s else None
    try:
        recorder = await record(settings, stop, take)
    except SettingsError as error:
        raise LabError(str(error)) from error
    finally:
        if timer is not None:
            timer.cancel()
    found = {
        "no frame was recorded": not recorder.written,
        f"{recorder.dropped} frames are missing": recorder.dropped,
        "not every route was live at the end": any(state != RouteState.LIVE for state in routes.values()),
    }
    problems = tuple(problem for problem, there in found.items() if there) + tuple(
        f"route {name}: {outage}" for name, outage in sorted(outages.items()) if outage
    )
    return RecordReport(
        ok=not problems,
        folder=str(settings.record_dir),
        elapsed_s=round((monotonic_ns() - began) / 1e9, 3),
        frames=recorder.written,
        missing=recorder.dropped,
        bytes=_size_of(settings.record_dir),
        routes=dict(sorted(routes.items())),
        problems=problems,
    )


def _size_of(folder: Path | None) -> int:
    return sum(each.stat().st_size for each in folder.glob(f"{PREFIX}*")) if folder is not None else 0


def _progress(began: int, duration_s: float | None, feeds: Feeds) -> Progress:
    recorder = feeds.recorder
    return Progress(
        phase=Phase.RUNNING,
        elapsed_s=(monotonic_ns() - began) / 1e9,
        duration_s=0.0,
        sent=0,
        processed=recorder.written if recorder else 0,
        throttled=0,
        signals={},
        counted=f"frames{f' of {duration_s:g} s' if duration_s else ''}",
    )
