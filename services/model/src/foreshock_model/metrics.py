"""WindowMetrics: what velocity says of symbols, as columns, and its codec (`protos/.../velocity/v1/metrics.proto`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_model import sight as sights
from foreshock_model import wire
from foreshock_model.errors import CodecError
from foreshock_model.sight import Sight

SCHEMA = 1
WINDOWS_MS = (100, 500, 2_000, 10_000, 30_000, 60_000, 300_000)
"""Window lengths, shortest first."""
SIDES = 2

Array = npt.NDArray[Any]


class WindowMetrics:
    """Windows and derivatives of R symbols over V venues and W windows, at one clock.

    as_of          (R,) ns UTC: the time the row was evaluated for (the entry's clock, or a 100 ms edge)
    ts_recv        (R,) ns UTC: when the newest event of this entry came, 0 for a row that only decayed
    mark           (R,) newest mark price [USD], NaN when none is known
    mark_ts        (R,) ns UTC of that price, 0 when none
    count          (R, 2, V, W) liquidations in the window, sides LONG and SHORT
    usd            (R, 2, V, W) USD in the window
    total_count    (R, 2, V) since the stream began, monotone
    total_usd      (R, 2, V) likewise [USD]
    acceleration   (R, 2, W) of the USD rate over all venues [USD/s^2], NaN where undefined
    jerk           (R, 2, W) likewise [USD/s^3]
    count_acceleration, count_jerk   the same of the count rate [1/s^2, 1/s^3]
    sight          how much of the market is seen; None while feeds have not said so
    """

    __slots__ = (
        "acceleration",
        "as_of",
        "count",
        "count_acceleration",
        "count_jerk",
        "jerk",
        "mark",
        "mark_ts",
        "sight",
        "symbols",
        "total_count",
        "total_usd",
        "ts_recv",
        "usd",
        "venues",
        "warming",
        "windows_ms",
    )

    def __init__(  # noqa: PLR0913 - one argument a column
        self,
        *,
        symbols: tuple[str, ...],
        venues: tuple[str, ...],
        as_of: Array,
        ts_recv: Array,
        mark: Array,
        mark_ts: Array,
        count: Array,
        usd: Array,
        total_count: Array,
        total_usd: Array,
        acceleration: Array,
        jerk: Array,
        count_acceleration: Array,
        count_jerk: Array,
        windows_ms: tuple[int, ...] = WINDOWS_MS,
        warming: bool = False,
        sight: Sight | None = None,
    ) -> None:
        self.symbols = symbols
        self.venues = venues
        self.windows_ms = windows_ms
        self.warming = warming
        self.sight = sight
        self.as_of = as_of
        self.ts_recv = ts_recv
        self.mark = mark
        self.mark_ts = mark_ts
        self.count = count
        self.usd = usd
        self.total_count = total_count
        self.total_usd = total_usd
        self.acceleration = acceleration
        self.jerk = jerk
        self.count_acceleration = count_acceleration
        self.count_jerk = count_jerk

    @property
    def seconds(self) -> Array:
        """Window lengths in seconds, (W,)."""
        return np.asarray(self.windows_ms, np.float64) / 1_000

    @property
    def count_rate(self) -> Array:
        """Liquidations a second over all venues, (R, 2, W)."""
        rate: Array = self.count.sum(axis=2, dtype=np.float64) / self.seconds
        return rate

    @property
    def usd_rate(self) -> Array:
        """USD a second over all venues, (R, 2, W)."""
        rate: Array = self.usd.sum(axis=2, dtype=np.float64) / self.seconds
        return rate


def layout(rows: int, venues: int, windows: int) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return (column, type, shape) in the order of the message's fields, from field 6."""
    per_venue, per_side = (rows, SIDES, venues), (rows, SIDES, windows)
    return (
        ("as_of", "<i8", (rows,)),
        ("ts_recv", "<i8", (rows,)),
        ("mark", "<f8", (rows,)),
        ("mark_ts", "<i8", (rows,)),
        ("count", "<f4", (*per_venue, windows)),
        ("usd", "<f4", (*per_venue, windows)),
        ("total_count", "<i8", per_venue),
        ("total_usd", "<f8", per_venue),
        ("acceleration", "<f4", per_side),
        ("jerk", "<f4", per_side),
        ("count_acceleration", "<f4", per_side),
        ("count_jerk", "<f4", per_side),
    )


FIRST_COLUMN = 6
SIGHT = 18
"""Added within schema 1: readers before it pass over the field, and what was written before it is read without."""


def encode(metrics: WindowMetrics) -> bytes:
    """Return the metrics as a protobuf message `foreshock.velocity.v1.WindowMetrics`."""
    rows, venues, windows = len(metrics.symbols), len(metrics.venues), len(metrics.windows_ms)
    parts = [wire.uint(1, SCHEMA)]
    parts += [wire.text(2, symbol) for symbol in metrics.symbols]
    parts += [wire.text(3, venue) for venue in metrics.venues]
    parts.append(wire.delimited(4, b"".join(wire.varint(each) for each in metrics.windows_ms)))
    parts.append(wire.uint(5, int(metrics.warming)))
    parts += [
        wire.column(number, getattr(metrics, name), dtype)
        for number, (name, dtype, _) in enumerate(layout(rows, venues, windows), FIRST_COLUMN)
    ]
    if metrics.sight is not None:
        parts.append(wire.delimited(SIGHT, sights.encode(metrics.sight)))
    return b"".join(parts)


def decode(data: bytes) -> WindowMetrics:
    """Read metrics. Raises CodecError naming the column; arrays are read-only views of the bytes."""
    symbols: list[str] = []
    venues: list[str] = []
    found: dict[int, int | memoryview] = {}
    for number, value in wire.fields(data):
        if number == 2:  # noqa: PLR2004 - field numbers of the message
            symbols.append(wire.as_text("symbols", value))
        elif number == 3:  # noqa: PLR2004
            venues.append(wire.as_text("venues", value))
        else:
            found[number] = value
    schema = wire.as_uint("schema", found.get(1, 0))
    if not 1 <= schema <= SCHEMA:
        msg = f"metrics schema {schema} is not one of 1..{SCHEMA}"
        raise CodecError(msg)
    windows = _windows(wire.as_bytes("windows_ms", found.get(4, memoryview(b""))))
    shapes = layout(len(symbols), len(venues), len(windows))
    columns = {
        name: wire.as_column(name, found.get(number), dtype, shape)
        for number, (name, dtype, shape) in enumerate(shapes, FIRST_COLUMN)
    }
    return WindowMetrics(
        symbols=tuple(symbols),
        venues=tuple(venues),
        windows_ms=windows,
        warming=bool(wire.as_uint("warming", found.get(5, 0))),
        sight=_sight(found.get(SIGHT)),
        **columns,
    )


def _sight(value: int | memoryview | None) -> Sight | None:
    return None if value is None else sights.decode(wire.as_bytes("sight", value))


def nothing(windows_ms: tuple[int, ...], *, warming: bool, sight: Sight | None) -> WindowMetrics:
    """Return metrics without rows: they tell of the sight alone."""
    columns = {name: np.zeros(shape, dtype) for name, dtype, shape in layout(0, 0, len(windows_ms))}
    return WindowMetrics(symbols=(), venues=(), windows_ms=windows_ms, warming=warming, sight=sight, **columns)


def _windows(data: memoryview) -> tuple[int, ...]:
    out: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of a varint
            out.append(value)
            value = shift = 0
    return tuple(out)
