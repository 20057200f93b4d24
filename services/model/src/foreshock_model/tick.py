"""data of a `tick` entry: what feeds say of themselves beside the time. No data at all is a tick too."""

from __future__ import annotations

from typing import Annotated

import msgspec

from foreshock_model.errors import CodecError

LONGEST_DELAY_MS = 60_000

DelayMs = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_DELAY_MS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class VenueLife(msgspec.Struct, frozen=True, array_like=True):
    """How far a venue is seen; in JSON `[live, share]`.

    live   live part of its routes that bring liquidations, 0 to 1
    share  its part of the market's liquidated USD, 0 to 1; 0 for a venue of which only a part can be seen at all
    """

    live: Share
    share: Share


class VenueCap(msgspec.Struct, frozen=True, array_like=True):
    """A venue lets only so many rows of a contract through in a slot, the largest; in JSON `[rows, slot_ms]`.

    rows 2: one of either side.
    """

    rows: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    slot_ms: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DELAY_MS)]


class TickData(msgspec.Struct, frozen=True):
    """What readers take from a tick.

    delays    how long after an event, in ms, a venue may still tell of it, by venue: its push interval plus slack
    venues    how far each venue is seen that the writer reads
    caps      how venues thin their liquidations, by venue; those that tell all are left out
    coverage  what these venues make together, for people: readers add up `venues` of all writers
    """

    delays: dict[str, DelayMs] = {}
    venues: dict[str, VenueLife] = {}
    caps: dict[str, VenueCap] = {}
    coverage: Share | None = None


_DECODER = msgspec.json.Decoder(TickData)
_NOTHING = TickData()


def decode(data: bytes) -> TickData:
    """Read a tick's data; unknown fields are ignored. Raises CodecError."""
    if not data:
        return _NOTHING
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        msg = f"tick entry: {error}"
        raise CodecError(msg) from error
