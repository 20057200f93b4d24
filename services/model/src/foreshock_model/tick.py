"""data of a `tick` entry: what feeds say of themselves beside the time. No data at all is a tick too."""

from __future__ import annotations

from typing import Annotated

import msgspec

from foreshock_model.errors import CodecError

LONGEST_DELAY_MS = 60_000

DelayMs = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_DELAY_MS)]


class TickData(msgspec.Struct, frozen=True):
    """What readers take from a tick.

    delays  how long after an event, in ms, a venue may still tell of it, by venue: its push interval plus slack
    """

    delays: dict[str, DelayMs] = {}


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
