"""Settings of the feeds service."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

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
    clock             `frames` takes the time from the venue's frames: for replays only
    reader            `picows` is faster and needs the extra `fast`
    gather_ms         a burst is gathered for so long into one entry; a single event is written at once
    retention_seconds entries older than that leave the stream once every reader has them
    retention_entries above so many entries a partition the oldest leave even if unread, which is counted as loss. With
                      up to 20 rows they take 0.2 to 0.9 kB each: 200,000 fit a store of 400 MB with all else
    buffer_rows       rows kept while Redis is away; beyond that context goes first, liquidations last
    rest_retry_seconds  a venue whose list of contracts could not be had is asked again after so long, then less often
    """

    section: ClassVar[str] = "feeds"

    venues: tuple[str, ...] = ()
    endpoints: dict[str, EndpointSettings] = msgspec.field(default_factory=dict)
    clock: Literal["system", "frames"] = "system"
    reader: Literal["websockets", "picows"] = "websockets"
    gather_ms: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.5
    retention_seconds: Seconds = 120.0
    retention_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 200_000
    buffer_rows: Annotated[int, msgspec.Meta(ge=1_000)] = 1_000_000
    rest_retry_seconds: Seconds = 5.0
