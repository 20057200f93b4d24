"""WindowMetrics: what velocity says of symbols, as columns, and its codec (`protos/.../velocity/v1/metrics.proto`)."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshock_model import insight as insights
from foreshock_model import sight as sights
from foreshock_model import stepped, wire
from foreshock_model.derivatives import Derivatives, Thirds, agreement, derivatives, scale
from foreshock_model.errors import CodecError
from foreshock_model.insight import Insight
from foreshock_model.sight import Sight

SCHEMA = 2
"""2: windowed columns share two fields (`stepped`) in which repeated values cost a bit; 1 is still read."""
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
    largest        (R, 2, V, W) the largest liquidation in the window [USD], 0 for none
    count_oldest, count_middle, count_newest   (R, 2, W) liquidations over all venues in the thirds of the window's
                   closed part, from which all derivatives follow, with errors (`derivatives`); NaN before schema 2
    usd_oldest, usd_middle, usd_newest         likewise [USD]
    usd_unit       (R, 2, W) [USD] variance of USD over its mean: how large an order counts as one; NaN without any
    matrix         all windowed columns one below the other, of which they are views, if made in a `Room`; else None
    sight          how much of the market is seen; None while feeds have not said so
    insight        what is concluded beyond windows; None from a writer that does not tell
    """

    __slots__ = (
        "acceleration",
        "as_of",
        "count",
        "count_acceleration",
        "count_jerk",
        "count_middle",
        "count_newest",
        "count_oldest",
        "insight",
        "jerk",
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
        acceleration: Array,
        jerk: Array,
        count_acceleration: Array,
        count_jerk: Array,
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
        self.acceleration = acceleration
        self.jerk = jerk
        self.count_acceleration = count_acceleration
        self.count_jerk = count_jerk
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
        thirds = Thirds(self.count_oldest, self.count_middle, self.count_newest)
        return derivatives(thirds, scale(self.windows_ms))

    @property
    def usd_derivatives(self) -> Derivatives:
        """Derivatives of the USD rate over all venues, each (R, 2, W)."""
        unit = self.usd_unit
        thirds = (each / unit for each in (self.usd_oldest, self.usd_middle, self.usd_newest))
        return derivatives(Thirds(*thirds), scale(self.windows_ms), unit)

    @property
    def agreement(self) -> Array:
        """How far each window's count rate stands above that of the next longer one, in standard errors: (R, 2, W)."""
        return agreement(self.count.sum(axis=2, dtype=np.float64), np.asarray(self.windows_ms))


class Column(NamedTuple):
    """One column: its name, its type, its axes (R rows, S sides, V venues, W windows), and its field.

    field  of the message; 0 for a windowed column of schema 2, whose rows stand in `steps` and `values` in this order
    old    field of schema 1, 0 for a column that it lacks
    narrow  True for numbers from 0 up, which schema 2 writes in the fewest of 1, 2, 4, 8 bytes that hold all of them
    """

    name: str
    dtype: str
    axes: str
    field: int
    old: int = 0
    narrow: bool = False


COLUMNS = (
    Column("as_of", "<i8", "R", 6, 6),
    Column("ts_recv", "<i8", "R", 7, 7),
    Column("mark", "<f8", "R", 8, 8),
    Column("mark_ts", "<i8", "R", 9, 9),
    Column("count", "<f4", "RSVW", 0, 10),
    Column("usd", "<f4", "RSVW", 0, 11),
    Column("total_count", "<i8", "RSV", 12, 12, narrow=True),
    Column("total_usd", "<f8", "RSV", 13, 13),
    Column("acceleration", "<f4", "RSW", 0, 14),
    Column("jerk", "<f4", "RSW", 0, 15),
    Column("count_acceleration", "<f4", "RSW", 0, 16),
    Column("count_jerk", "<f4", "RSW", 0, 17),
    Column("largest", "<f4", "RSVW", 0),
    Column("count_oldest", "<f4", "RSW", 0),
    Column("count_middle", "<f4", "RSW", 0),
    Column("count_newest", "<f4", "RSW", 0),
    Column("usd_oldest", "<f4", "RSW", 0),
    Column("usd_middle", "<f4", "RSW", 0),
    Column("usd_newest", "<f4", "RSW", 0),
    Column("usd_unit", "<f4", "RSW", 0),
)
"""New columns come last: what was written before them is read without (NaN, and 0 for whole numbers), readers before
them pass over what they do not know."""
WINDOWED = tuple(each for each in COLUMNS if not each.field)
DENSE = tuple(each for each in COLUMNS if each.field)
SIGHT, STEPS, VALUES, INSIGHT = 18, 19, 20, 21
FIRST_FREE = 22
"""The lowest field that a new dense column may take."""


def layout(rows: int, venues: int, windows: int) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return (column, type, shape) of each column."""
    size = {"R": rows, "S": SIDES, "V": venues, "W": windows}
    return tuple((each.name, each.dtype, tuple(size[axis] for axis in each.axes)) for each in COLUMNS)


def encode(metrics: WindowMetrics) -> bytes:
    """Return the metrics as a protobuf message `foreshock.velocity.v1.WindowMetrics`."""
    parts = [_SCHEMA, *map(_symbol, metrics.symbols), _names(metrics.venues, metrics.windows_ms, metrics.warming)]
    for each in DENSE:
        column = getattr(metrics, each.name)
        parts.append(wire.column(each.field, column, narrowest(column) if each.narrow else each.dtype))
    if metrics.symbols and metrics.windows_ms:
        steps, values = stepped.pack(_matrix(metrics))
        parts += [wire.delimited(STEPS, steps), wire.delimited(VALUES, values)]
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


def decode(data: bytes) -> WindowMetrics:
    """Read metrics. Raises CodecError naming the column; arrays may be read-only views of the bytes."""
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
    shapes = {name: shape for name, _, shape in layout(len(symbols), len(venues), len(windows))}
    columns = _dense(found, shapes, schema)
    if schema > 1:
        columns |= _windowed(found, shapes, len(windows))
    return WindowMetrics(
        symbols=tuple(symbols),
        venues=tuple(venues),
        windows_ms=windows,
        warming=bool(wire.as_uint("warming", found.get(5, 0))),
        sight=_sight(found.get(SIGHT)),
        insight=_insight(found.get(INSIGHT), (len(symbols), len(venues), len(windows))),
        **columns,
    )


Shapes = dict[str, tuple[int, ...]]


def _dense(found: dict[int, int | memoryview], shapes: Shapes, schema: int) -> dict[str, Array]:
    """Read the columns that have a field of their own: in schema 1 all of its time."""
    columns: dict[str, Array] = {}
    for each in COLUMNS if schema == 1 else DENSE:
        field = each.old if schema == 1 else each.field
        value, shape = found.get(field), shapes[each.name]
        if field == 0 or (value is None and not each.old):
            columns[each.name] = _unknown(each, shapes)
        elif each.narrow and schema > 1:
            columns[each.name] = _widened(each, value, shape)
        else:
            columns[each.name] = wire.as_column(each.name, value, each.dtype, shape)
    return columns


def _widened(column: Column, value: int | memoryview | None, shape: tuple[int, ...]) -> Array:
    size = 0 if value is None else len(wire.as_bytes(column.name, value)) // max(prod(shape), 1)
    dtype = f"<u{size}" if size in {1, 2, 4} else column.dtype
    return wire.as_column(column.name, value, dtype, shape).astype(column.dtype, copy=False)


def _windowed(found: dict[int, int | memoryview], shapes: Shapes, width: int) -> dict[str, Array]:
    """Read the columns that share `steps` and `values`."""
    steps = wire.as_bytes("steps", found.get(STEPS, memoryview(b"")))
    values = wire.as_bytes("values", found.get(VALUES, memoryview(b"")))
    matrix = stepped.unpack(steps, values, max(width, 1))
    columns: dict[str, Array] = {}
    at = 0
    for each in WINDOWED:
        shape = shapes[each.name]
        end = at + prod(shape[:-1]) * bool(width)
        if end > len(matrix) and each.old:
            msg = f"column {each.name!r} is missing, expected {prod(shape)} values"
            raise CodecError(msg)
        columns[each.name] = matrix[at:end].reshape(shape) if end <= len(matrix) else _unknown(each, shapes)
        at = end
    return columns


def _unknown(column: Column, shapes: Shapes) -> Array:
    """Return what stands for a column that the writer did not know."""
    return np.full(shapes[column.name], np.nan if "f" in column.dtype else 0, column.dtype)


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
