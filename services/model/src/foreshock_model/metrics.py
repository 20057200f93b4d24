"""WindowMetrics: what velocity says of symbols, as columns, and its codec (`protos/.../velocity/v1/metrics.proto`)."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_model import insight as insights
from foreshock_model import sight as sights
from foreshock_model import stepped, wire
from foreshock_model.derivatives import Derivatives, Thirds, agreement, derivatives, of_rate, scale
from foreshock_model.errors import CodecError
from foreshock_model.insight import Insight
from foreshock_model.metric_columns import (
    COUNTS,
    DENSE,
    INSIGHT,
    SIDES,
    SIGHT,
    STEPS,
    VALUES,
    WINDOWED,
    WINDOWED_2,
    Column,
    layout,
    whole_rows,
)
from foreshock_model.sight import Sight

SCHEMA = 3
"""2: windowed columns share two fields (`stepped`) in which repeated values cost a bit; it is still read.
3: derivatives follow from the thirds and are not written; whole numbers are in a field of their own, as narrow as holds
all."""
WINDOWS_MS = (100, 500, 2_000, 10_000, 30_000, 60_000, 300_000)
"""Window lengths, shortest first."""

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
    largest        (R, 2, V, W) the largest liquidation in the window [USD], 0 for none
    count_oldest, count_middle, count_newest   (R, 2, W) liquidations over all venues in the thirds of the window's
                   closed part, from which all derivatives follow, with errors (`derivatives`)
    usd_oldest, usd_middle, usd_newest         likewise [USD]
    usd_unit       (R, 2, W) [USD] variance of USD over its mean: how large an order counts as one; NaN without any
    matrix         all windowed columns one below the other, of which they are views, if made in a `Room`; else None
    sight          how much of the market is seen; None while feeds have not said so
    insight        what is concluded beyond windows; None from a writer that does not tell
    """

    __slots__ = (
        "as_of",
        "count",
        "count_middle",
        "count_newest",
        "count_oldest",
        "insight",
        "largest",
        "mark",
        "mark_ts",
        "matrix",
        "sight",
        "symbols",
        "total_count",
        "total_usd",
        "ts_recv",
        "usd",
        "usd_middle",
        "usd_newest",
        "usd_oldest",
        "usd_unit",
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
        largest: Array,
        count_oldest: Array,
        count_middle: Array,
        count_newest: Array,
        usd_oldest: Array,
        usd_middle: Array,
        usd_newest: Array,
        usd_unit: Array,
        windows_ms: tuple[int, ...] = WINDOWS_MS,
        warming: bool = False,
        sight: Sight | None = None,
        insight: Insight | None = None,
        matrix: Array | None = None,
    ) -> None:
        self.symbols = symbols
        self.venues = venues
        self.windows_ms = windows_ms
        self.warming = warming
        self.sight = sight
        self.insight = insight
        self.matrix = matrix
        self.as_of = as_of
        self.ts_recv = ts_recv
        self.mark = mark
        self.mark_ts = mark_ts
        self.count = count
        self.usd = usd
        self.total_count = total_count
        self.total_usd = total_usd
        self.largest = largest
        self.count_oldest = count_oldest
        self.count_middle = count_middle
        self.count_newest = count_newest
        self.usd_oldest = usd_oldest
        self.usd_middle = usd_middle
        self.usd_newest = usd_newest
        self.usd_unit = usd_unit

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

    @property
    def count_derivatives(self) -> Derivatives:
        """Derivatives of the count rate over all venues, each (R, 2, W)."""
        return derivatives(self._count_thirds, scale(self.windows_ms))

    @property
    def usd_derivatives(self) -> Derivatives:
        """Derivatives of the USD rate over all venues, each (R, 2, W)."""
        unit = self.usd_unit
        thirds = Thirds(*(each / unit for each in self._usd_thirds))
        return derivatives(thirds, scale(self.windows_ms), unit)

    @property
    def acceleration(self) -> Array:
        """Acceleration of the USD rate over all venues [USD/s^2], (R, 2, W), NaN where undefined."""
        return of_rate(self._usd_thirds, scale(self.windows_ms))[0]

    @property
    def jerk(self) -> Array:
        """Jerk of the USD rate over all venues [USD/s^3], (R, 2, W), NaN where undefined."""
        return of_rate(self._usd_thirds, scale(self.windows_ms))[1]

    @property
    def count_acceleration(self) -> Array:
        """Acceleration of the count rate over all venues [1/s^2], (R, 2, W), NaN where undefined."""
        return of_rate(self._count_thirds, scale(self.windows_ms))[0]

    @property
    def count_jerk(self) -> Array:
        """Jerk of the count rate over all venues [1/s^3], (R, 2, W), NaN where undefined."""
        return of_rate(self._count_thirds, scale(self.windows_ms))[1]

    @property
    def _count_thirds(self) -> Thirds:
        return Thirds(self.count_oldest, self.count_middle, self.count_newest)

    @property
    def _usd_thirds(self) -> Thirds:
        return Thirds(self.usd_oldest, self.usd_middle, self.usd_newest)

    @property
    def agreement(self) -> Array:
        """How far each window's count rate stands above that of the next longer one, in standard errors: (R, 2, W)."""
        return agreement(self.count.sum(axis=2, dtype=np.float64), np.asarray(self.windows_ms))


def encode(metrics: WindowMetrics) -> bytes:
    """Return the metrics as a protobuf message `foreshock.velocity.v1.WindowMetrics`."""
    parts = [_SCHEMA, *map(_symbol, metrics.symbols), _names(metrics.venues, metrics.windows_ms, metrics.warming)]
    for each in DENSE:
        column = getattr(metrics, each.name)
        parts.append(wire.column(each.field, column, narrowest(column) if each.narrow else each.dtype))
    if metrics.symbols and metrics.windows_ms:
        packed = stepped.pack(_matrix(metrics), whole_rows(len(metrics.symbols), len(metrics.venues)))
        parts += [wire.delimited(field, data) for field, data in zip((STEPS, COUNTS, VALUES), packed, strict=True)]
    if metrics.sight is not None:
        parts.append(wire.delimited(SIGHT, sights.encode(metrics.sight)))
    if metrics.insight is not None:
        parts.append(wire.delimited(INSIGHT, insights.encode(metrics.insight)))
    return b"".join(parts)


_SCHEMA = wire.uint(1, SCHEMA)


@lru_cache(maxsize=65_536)
def _symbol(name: str) -> bytes:
    return wire.text(2, name)


@lru_cache(maxsize=256)
def _names(venues: tuple[str, ...], windows_ms: tuple[int, ...], warming: bool) -> bytes:  # noqa: FBT001 - a value
    """Return what hardly ever changes of a message."""
    parts = [wire.text(3, venue) for venue in venues]
    parts.append(wire.delimited(4, b"".join(wire.varint(each) for each in windows_ms)))
    return b"".join([*parts, wire.uint(5, int(warming))])


def narrowest(column: Array) -> str:
    """Return the type of fewest bytes that holds whole numbers from 0 up; 8 bytes for any others."""
    top = int(np.maximum.reduce(column.astype(np.uint64), axis=None, initial=0))  # any below 0 are very large there
    return next((f"<u{size}" for size in (1, 2, 4) if top < 1 << 8 * size), "<i8")


def _matrix(metrics: WindowMetrics) -> Array:
    """Return all windowed columns one below the other, (M, W) float32."""
    if metrics.matrix is not None:
        return metrics.matrix.astype(stepped.VALUE)
    width = len(metrics.windows_ms)
    columns = [getattr(metrics, each.name) for each in WINDOWED]
    matrix = np.empty((sum(column.size for column in columns) // width, width), stepped.VALUE)
    at = 0
    for column in columns:
        end = at + column.size // width
        matrix[at:end].reshape(column.shape)[...] = column
        at = end
    return matrix


Found = dict[int, int | memoryview]
Shapes = dict[str, tuple[int, ...]]
Size = tuple[int, int, int]
"""Rows, venues, windows."""


def decode(data: bytes) -> WindowMetrics:
    """Read metrics. Raises CodecError naming the column; arrays may be read-only views of the bytes."""
    symbols: list[str] = []
    venues: list[str] = []
    found: Found = {}
    for number, value in wire.fields(data):
        if number == 2:  # noqa: PLR2004 - field numbers of the message
            symbols.append(wire.as_text("symbols", value))
        elif number == 3:  # noqa: PLR2004
            venues.append(wire.as_text("venues", value))
        else:
            found[number] = value
    schema = wire.as_uint("schema", found.get(1, 0))
    if not SCHEMA - 1 <= schema <= SCHEMA:
        msg = f"metrics schema {schema} is not one of {SCHEMA - 1}..{SCHEMA}"
        raise CodecError(msg)
    windows = _windows(wire.as_bytes("windows_ms", found.get(4, memoryview(b""))))
    size = (len(symbols), len(venues), len(windows))
    shapes = {name: shape for name, _, shape in layout(*size)}
    columns = _dense(found, shapes)
    columns |= _windowed_2(found, shapes, size) if schema == 2 else _windowed(found, shapes, size)  # noqa: PLR2004
    return WindowMetrics(
        symbols=tuple(symbols),
        venues=tuple(venues),
        windows_ms=windows,
        warming=bool(wire.as_uint("warming", found.get(5, 0))),
        sight=_sight(found.get(SIGHT)),
        insight=_insight(found.get(INSIGHT), size),
        **columns,
    )


def _dense(found: Found, shapes: Shapes) -> dict[str, Array]:
    """Read the columns that have a field of their own."""
    columns: dict[str, Array] = {}
    for each in DENSE:
        value, shape = found.get(each.field), shapes[each.name]
        if each.narrow:
            columns[each.name] = _widened(each, value, shape)
        else:
            columns[each.name] = wire.as_column(each.name, value, each.dtype, shape)
    return columns


def _widened(column: Column, value: int | memoryview | None, shape: tuple[int, ...]) -> Array:
    size = 0 if value is None else len(wire.as_bytes(column.name, value)) // max(prod(shape), 1)
    dtype = f"<u{size}" if size in {1, 2, 4} else column.dtype
    return wire.as_column(column.name, value, dtype, shape).astype(column.dtype, copy=False)


def _windowed(found: Found, shapes: Shapes, size: Size) -> dict[str, Array]:
    """Read the columns that share `steps`. Those that a later version appends are not known, and passed over."""
    rows, venues, windows = size
    if not (rows and windows):
        return {each.name: np.zeros(shapes[each.name], each.dtype) for each in WINDOWED}
    packed = stepped.Packed(*(wire.as_bytes(name, found.get(field, _EMPTY)) for name, field in _PACKED.items()))
    matrix = stepped.unpack(packed, windows, whole_rows(rows, venues))
    columns: dict[str, Array] = {}
    at = 0
    for each in WINDOWED:
        columns[each.name], at = _cut(matrix, at, each.name, shapes[each.name])
    return columns


def _windowed_2(found: Found, shapes: Shapes, size: Size) -> dict[str, Array]:
    """Read the columns of schema 2, derivatives left out; what its first writers did not know is NaN."""
    steps, values = (wire.as_bytes(name, found.get(_PACKED[name], _EMPTY)) for name in ("steps", "values"))
    rows, venues, windows = size
    matrix = stepped.unpack(stepped.Packed(steps, _EMPTY, values), max(windows, 1), 0)
    columns = {each.name: np.full(shapes[each.name], np.nan, each.dtype) for each in WINDOWED}
    length = {"R": rows, "S": SIDES, "V": venues, "W": windows}
    at = 0
    for name, axes in WINDOWED_2:
        shape = tuple([length[axis] for axis in axes])
        if name == "largest" and at == len(matrix):
            break
        part, at = _cut(matrix, at, name or "derivatives", shape)
        if name:
            columns[name] = part
    return columns


def _cut(matrix: Array, at: int, name: str, shape: tuple[int, ...]) -> tuple[Array, int]:
    """Return a column whose rows begin at a row of the matrix, and where the next one begins."""
    end = at + prod(shape[:-1]) * bool(shape[-1])
    if end > len(matrix):
        msg = f"column {name!r} is missing, expected {prod(shape)} values"
        raise CodecError(msg)
    return matrix[at:end].reshape(shape), end


_EMPTY = memoryview(b"")
_PACKED = {"steps": STEPS, "counts": COUNTS, "values": VALUES}


def _sight(value: int | memoryview | None) -> Sight | None:
    return None if value is None else sights.decode(wire.as_bytes("sight", value))


def _insight(value: int | memoryview | None, size: tuple[int, int, int]) -> Insight | None:
    return None if value is None else insights.decode(wire.as_bytes("insight", value), *size)


def nothing(windows_ms: tuple[int, ...], *, warming: bool, sight: Sight | None) -> WindowMetrics:
    """Return metrics without rows: they tell of the sight alone."""
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, dtype, shape in layout(0, 0, len(windows_ms))}
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
