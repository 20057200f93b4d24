"""Insight: what velocity concludes beyond windows, and its codec (`protos/.../velocity/v1/metrics.proto`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshock_model import wire
from foreshock_model.errors import CodecError

SIDES = 2
GAUGES = (
    "oi_change_60s",
    "oi_change_300s",
    "funding",
    "funding_change_300s",
    "impact_10s",
    "impact_60s",
    "impact_depth_10s",
    "impact_depth_60s",
    "whale_share_long",
    "whale_share_short",
    "reproduction_long",
    "reproduction_short",
    "reproduction_error_long",
    "reproduction_error_short",
    "branching_long",
    "branching_short",
    "branching_error_long",
    "branching_error_short",
    "estimate_error",
)
"""Single figures of a symbol in their order on the wire, to which later versions append. NaN: missing, never zero.

oi_change_*      change of open interest over the time named [fraction]
funding, funding_change_300s   rate of the running period [fraction], its change over 5 minutes
impact_*         mark price's move a million USD of net forced flow in the window [bp]
impact_depth_*   the same a multiple of the depth within 0.1 % of mid [bp]
whale_share_*    share of orders above the symbol's 95 % in a side's USD of the last minute, 0 to 1
reproduction_*   events that one event leads to: above 1 the flow grows; with its standard error
branching_*      share of events caused by others, over half an hour; with its standard error
estimate_error   standard error of ln of the estimated USD of throttled venues; 0 where none is throttled
"""

Array = npt.NDArray[Any]
QUIET = {"usd_gain": 1, "count_gain": 1, "censored": 0}
"""What stands everywhere in a column that tells nothing; NaN in the others. Such a column is not written."""


class Insight(NamedTuple):
    """Of the R symbols, V venues and W windows of the metrics it belongs to.

    gauges      (R, G) the figures of GAUGES
    usd_gain    (R, 2, W) what USD over all venues is to be multiplied with for what throttled venues hide, >= 1
    count_gain  (R, 2, W) the same of counts; both 1 where nothing is hidden
    censored    (R, V) True where a venue hides a good part of its orders just now: its sums are lower bounds
    correlation, samples, lead   (R, E) of pairs of venues in the order of `numpy.triu_indices(V, 1)`: correlation of
                news within -1..1, shrunk; effective samples; seconds that the first leads. NaN where undefined
    """

    gauges: Array
    usd_gain: Array
    count_gain: Array
    censored: Array
    correlation: Array
    samples: Array
    lead: Array


_TYPES = ("<f4", "<f2", "<f2", "?", "<f2", "<f2", "<f2")


def layout(rows: int, venues: int, windows: int) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return (column, type, shape) in the order of the message's fields, from field 1."""
    edges, gains = (rows, venues * (venues - 1) // 2), (rows, SIDES, windows)
    shapes = ((rows, len(GAUGES)), gains, gains, (rows, venues), edges, edges, edges)
    return tuple(zip(Insight._fields, _TYPES, shapes, strict=True))


@lru_cache(maxsize=256)
def nothing(rows: int, venues: int, windows: int) -> Insight:
    """Return what is known where nothing is: columns that cannot be written to, since all share them."""
    columns = {
        name: np.full(shape, QUIET.get(name, np.nan), dtype) for name, dtype, shape in layout(rows, venues, windows)
    }
    for column in columns.values():
        column.flags.writeable = False
    return Insight(**columns)


def encode(insight: Insight) -> bytes:
    """Return an insight as a protobuf message `foreshock.velocity.v1.Insight`."""
    size = *insight.censored.shape, insight.usd_gain.shape[2]
    quiet, fields, parts = nothing(*size), _fields(*size), []
    for number, (column, none, dtype, field) in enumerate(zip(insight, quiet, _TYPES, fields, strict=True), 1):
        if number == 1:
            parts.append(field if column is none else wire.column(number, column, dtype))
        elif column is not none and (data := wire.column(number, column, dtype)) != field:
            parts.append(data)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _fields(rows: int, venues: int, windows: int) -> tuple[bytes, ...]:
    """Return the fields of columns that tell nothing: but for gauges, they are left out."""
    none = nothing(rows, venues, windows)
    return tuple(
        wire.column(number, each, dtype) for number, (each, dtype) in enumerate(zip(none, _TYPES, strict=True), 1)
    )


def decode(data: bytes | memoryview, rows: int, venues: int, windows: int) -> Insight:
    """Read an insight. Gauges of later versions are passed over, those of earlier ones NaN. Raises CodecError."""
    found = dict(wire.fields(data))
    shapes = layout(rows, venues, windows)
    columns = {
        name: wire.as_column(name, found[number], dtype, shape)
        if number in found
        else np.full(shape, QUIET.get(name, np.nan), dtype)
        for number, (name, dtype, shape) in enumerate(shapes[1:], 2)
    }
    return Insight(_gauges(wire.as_bytes("gauges", found.get(1, memoryview(b""))), rows), **columns)


def _gauges(data: memoryview, rows: int) -> Array:
    """Read gauges of any version."""
    told = len(data) // 4 // max(rows, 1)
    if told * 4 * rows != len(data):
        msg = f"column 'gauges' has {len(data)} bytes, not a multiple of {4 * rows}"
        raise CodecError(msg)
    gauges = np.full((rows, len(GAUGES)), np.nan, np.float32)
    both = min(told, len(GAUGES))
    gauges[:, :both] = np.frombuffer(data, "<f4").reshape(rows, told)[:, :both]
    return gauges
