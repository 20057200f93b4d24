"""How far a sink has got: written in the same step as the rows, so that no entry is lost or kept twice."""

from __future__ import annotations

import msgspec

from foreshock_model.tick import TickData

SCHEMA = 1


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a sink.

    roll        number of the last step
    cursors     id of the last entry that is kept, by stream
    sequencers  what each partition's `Sequencer` knew then, by partition
    ticks       the last tick that was kept and its time (ns UTC), by writer
    """

    schema: int = SCHEMA
    roll: int = 0
    cursors: dict[str, str] = {}
    sequencers: dict[str, dict[str, object]] = {}
    ticks: dict[str, tuple[int, TickData]] = {}


_DECODER = msgspec.json.Decoder(Position)


def encode(position: Position) -> bytes:
    """Return a position as JSON."""
    return msgspec.json.encode(position)


def decode(document: bytes) -> Position:
    """Read a position. Raises ValueError when it is none, or of a later version."""
    position = _DECODER.decode(document)
    if position.schema > SCHEMA:
        msg = f"position schema {position.schema} is later than {SCHEMA}"
        raise ValueError(msg)
    return position
