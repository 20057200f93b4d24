"""Settings of the feeds service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from foreshock_runtime.settings import Seconds, ServiceSettings


class EndpointSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a venue answers instead of in production: a proxy, a test network, a simulator."""

    websocket: str
    rest: str


class FeedsSettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What feeds needs.

    venues            venues to read; all installed ones when empty
    endpoints         other addresses by venue
    options           what a venue's connector lets its operator choose, by venue and option
    clock             `frames` takes the time from the venue's frames: for replays only
    reader            `picows` is faster and needs the extra `fast`
    gather_ms         a burst is gathered for so long into one entry; a single event is written at once
    retention_seconds entries older than that leave the stream once every reader has them
    retention_entries above so many entries a partition the oldest leave even if unread, which is counted as loss. With
                      up to 20 rows they take 0.2 to 0.9 kB each: 200,000 fit a store of 400 MB with all else
    buffer_rows       rows kept in memory while Redis is away; from half of it on only the newest context is; beyond it
                      the oldest entries go to `spill_dir`, or context and then the oldest liquidations are dropped
    spill_dir         folder for entries that memory has no room for; none given: `spill` in data_dir, if that is given
    spill_bytes       room they may take there; beyond that context goes first, then the oldest liquidations
    record_dir        folder for a recording of every frame; none without it
    record_segment_bytes  compressed bytes after which a recording goes on in a new file
    record_segment_seconds  and seconds
    record_keep_bytes the oldest files are removed when all of a folder take more; 0 keeps all
    rest_retry_seconds  a venue whose list of contracts could not be had is asked again after so long, then less often
    specs_refresh_seconds  every venue is asked for its contracts so often: what is new is read within twice that
    backfill_seconds  so much of a gap's end is asked from a venue's REST
    redundant         other feeds processes read the same venues; each route is written by the one that holds its lease
    decode_budget_ms_per_frame  time that a decoder may take on average, else its route rests for a minute
    """

    section: ClassVar[str] = "feeds"

    venues: tuple[str, ...] = ()
    endpoints: dict[str, EndpointSettings] = msgspec.field(default_factory=dict)
    options: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    clock: Literal["system", "frames"] = "system"
    reader: Literal["websockets", "picows"] = "websockets"
    gather_ms: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.5
    retention_seconds: Seconds = 120.0
    retention_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 200_000
    buffer_rows: Annotated[int, msgspec.Meta(ge=1_000)] = 1_000_000
    spill_dir: Path | None = None
    spill_bytes: Annotated[int, msgspec.Meta(ge=2**20)] = 2**30
    rest_retry_seconds: Seconds = 5.0
    specs_refresh_seconds: Seconds = 300.0
    backfill_seconds: Seconds = 3_600.0
    decode_budget_ms_per_frame: Seconds = 5.0
    redundant: bool = False
    record_dir: Path | None = None
    record_segment_bytes: Annotated[int, msgspec.Meta(ge=1)] = 64 * 2**20
    record_segment_seconds: Seconds = 3_600.0
    record_keep_bytes: Annotated[int, msgspec.Meta(ge=0)] = 10 * 2**30
