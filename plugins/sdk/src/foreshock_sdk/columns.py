"""What a decoder hands to its host: parallel lists, a row an index, in the venue's own units.

The host turns them into arrays and converts price and size by the contract (`instruments.convert`), once and
for whole batches: a decoder does no arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from foreshock_sdk.events import EventFlag, LiquidatedSide, PriceKind

Level = tuple[float, float]
"""(price, size) of one price of an order book."""


class RawLiquidation(NamedTuple):
    """One row of `RawLiquidations`, for paths where speed does not matter."""

    instrument: int
    side: LiquidatedSide
    price: float
    price_kind: PriceKind
    size: float
    ts_event_ms: int
    identity_a: float = 0.0
    identity_b: float = 0.0
    flags: EventFlag = EventFlag.NONE


class RawLiquidations:
    """Liquidations as the venue wrote them; all columns have one length.

    frame        index of the frame within the batch given to `Decoder.feed`, None for "row n is of frame n"
    instrument   index into the `Instruments` table the decoder was made with
    side         `LiquidatedSide` (the position that died: the decoder has read the venue's meaning)
    price        the venue's price of one contract unit
    price_kind   `PriceKind`
    size         the venue's size (contracts or coins, as the instrument's spec says)
    ts_event_ms  the venue's time of the event
    identity_a, identity_b  further raw fields that make the event distinct (see `identity`)
    flags        `EventFlag`
    """

    __slots__ = (
        "flags",
        "frame",
        "identity_a",
        "identity_b",
        "instrument",
        "price",
        "price_kind",
        "side",
        "size",
        "ts_event_ms",
    )

    def __init__(self) -> None:
        self.frame: list[int] | None = []
        self.instrument: list[int] = []
        self.side = bytearray()
        self.price: list[float] = []
        self.price_kind = bytearray()
        self.size: list[float] = []
        self.ts_event_ms: list[int] = []
        self.identity_a: list[float] = []
        self.identity_b: list[float] = []
        self.flags = bytearray()

    def __len__(self) -> int:
        return len(self.instrument)

    @property
    def frames(self) -> Sequence[int]:
        """Index of the frame of each row, whichever way it is told."""
        return range(len(self)) if self.frame is None else self.frame

    def append(self, frame: int, row: RawLiquidation) -> None:
        """Add one row."""
        if self.frame is None:
            self.frame = list(self.frames)
        self.frame.append(frame)
        for column, value in row._asdict().items():
            getattr(self, column).append(value)


class RawContext:
    """Prices and other context; all lists have one length.

    field is a `ContextField`, value in its unit by the venue's spelling of the coin (of 1000PEPE: price of a thousand,
    thousands of open interest), never in contracts: the decoder has the contract's value.
    """

    __slots__ = ("field", "frame", "instrument", "ts_event_ms", "value")

    def __init__(self) -> None:
        self.frame: list[int] = []
        self.instrument: list[int] = []
        self.field: list[int] = []
        self.value: list[float] = []
        self.ts_event_ms: list[int] = []

    def __len__(self) -> int:
        return len(self.instrument)

    def append(self, frame: int, instrument: int, field: int, value: float, ts_event_ms: int) -> None:  # noqa: PLR0917
        """Add one row."""
        self.frame.append(frame)
        self.instrument.append(instrument)
        self.field.append(field)
        self.value.append(value)
        self.ts_event_ms.append(ts_event_ms)


class RawBooks:
    """Order books; all lists have one length.

    bids and asks are lists of (price, size), best first and as deep as the venue tells, in the venue's own units. The
    host makes top of book and depth of them.
    """

    __slots__ = ("asks", "bids", "frame", "instrument", "ts_event_ms")

    def __init__(self) -> None:
        self.frame: list[int] = []
        self.instrument: list[int] = []
        self.ts_event_ms: list[int] = []
        self.bids: list[Sequence[Level]] = []
        self.asks: list[Sequence[Level]] = []

    def __len__(self) -> int:
        return len(self.instrument)

    def append(
        self, frame: int, instrument: int, ts_event_ms: int, sides: tuple[Sequence[Level], Sequence[Level]]
    ) -> None:
        """Add one book; sides are (bids, asks)."""
        self.frame.append(frame)
        self.instrument.append(instrument)
        self.ts_event_ms.append(ts_event_ms)
        self.bids.append(sides[0])
        self.asks.append(sides[1])


class Fault(msgspec.Struct, frozen=True):
    """A frame (row is None) or one row of a frame that could not be used, and why, in words for a person."""

    frame: int
    row: int | None
    reason: str


class ControlKind(IntEnum):
    """What a control frame of the venue says."""

    ACK = 0
    """A subscription was accepted. Proves nothing about data."""
    REFUSED = 1
    """A subscription was refused: code and message say why."""
    CLOSING = 2
    """The venue will close the socket soon: reconnect."""
    PONG = 3
    """Answer to a heartbeat."""


class Control(msgspec.Struct, frozen=True):
    """One control frame."""

    frame: int
    kind: ControlKind
    code: str = ""
    message: str = ""


class Decoded:
    """What one call of `Decoder.feed` found.

    replies   frames to send back on the same socket
    canary    the newest venue time (ms) of the canary channel in this batch, 0 if it was not in it
    pushed_ms the newest time (ms) at which the venue says it pushed a frame, 0 if no frame told
    ignored   frames that are known and carry nothing for us
    missing   rows (of any kind, not liquidations alone) that the venue's own numbering says were not delivered
    """

    __slots__ = (
        "books",
        "canary",
        "context",
        "controls",
        "faults",
        "ignored",
        "liquidations",
        "missing",
        "pushed_ms",
        "replies",
    )

    def __init__(self) -> None:
        self.liquidations = RawLiquidations()
        self.context = RawContext()
        self.books = RawBooks()
        self.faults: list[Fault] = []
        self.controls: list[Control] = []
        self.replies: list[str | bytes] = []
        self.canary = 0
        self.pushed_ms = 0
        self.ignored = 0
        self.missing = 0
