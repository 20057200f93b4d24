"""The tables of the archive: columns, types, and which of them are times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import msgspec
import pyarrow as pa

from foreshock_model.signal import Signal
from foreshock_sdk.events import EventFlag

TIME = pa.timestamp("ns", "UTC")
FLAGS = tuple(EventFlag)
"""Each has a column of its own name in lower case."""
PREFIXES = {"scores": "score_", "metrics": "", "data_quality": "quality_"}
"""How the columns of what stands inside a signal begin."""
LEFT_OUT = frozenset({"schema", "kind", "signal"})
"""Fields of a signal without a column: the first two never differ, the third equals the level."""
TIMES = frozenset({"ts", "input_ts"})
PLAIN: Mapping[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
ORIGIN = [("partition", pa.int32()), ("entry_id", pa.string())]
"""Where a row stood: the partition, and the id of its entry there."""
INSTRUMENT = [(name, pa.string()) for name in ("venue", "symbol", "instrument", "raw_symbol")]


def signal_columns(kind: type[msgspec.Struct] = Signal, prefix: str = "") -> list[tuple[str, pa.DataType]]:
    """Return the columns of a signal: what stands inside it is flat, lists and maps are JSON."""
    found: list[tuple[str, pa.DataType]] = []
    for name, hint in get_type_hints(kind).items():
        inner = value_type(hint)
        if name in LEFT_OUT:
            continue
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            found += signal_columns(inner, PREFIXES[name])
        else:
            found.append((prefix + name, TIME if name in TIMES else PLAIN.get(inner, pa.string())))
    return found


def value_type(hint: Any) -> Any:
    """Return the type of a value that may also be None."""
    kinds = [each for each in get_args(hint) if each is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in get_args(hint) else hint


EVENTS = pa.schema(
    [
        ("ts_event", TIME),
        ("ts_recv", TIME),
        *INSTRUMENT,
        ("liquidated_side", pa.string()),
        ("price_kind", pa.string()),
        ("price", pa.float64()),
        ("quantity", pa.float64()),
        ("notional_usd", pa.float64()),
        ("multiplier", pa.float64()),
        *[(str(flag.name).lower(), pa.bool_()) for flag in FLAGS],
        ("event_id", pa.string()),
        *ORIGIN,
    ]
)
CONTEXT = pa.schema(
    [
        ("ts_event", TIME),
        ("ts_recv", TIME),
        *INSTRUMENT,
        ("field", pa.string()),
        ("value", pa.float64()),
        *ORIGIN,
    ]
)
METRICS = pa.schema(
    [
        ("as_of", TIME),
        ("symbol", pa.string()),
        ("side", pa.string()),
        ("venue", pa.string()),
        ("window_ms", pa.int64()),
        ("count", pa.float64()),
        ("usd", pa.float64()),
        ("largest", pa.float64()),
        ("estimated_usd", pa.float64()),
        ("censored", pa.bool_()),
        ("total_count", pa.int64()),
        ("total_usd", pa.float64()),
        ("acceleration", pa.float64()),
        ("acceleration_error", pa.float64()),
        ("jerk", pa.float64()),
        ("jerk_error", pa.float64()),
        ("count_acceleration", pa.float64()),
        ("count_acceleration_error", pa.float64()),
        ("count_jerk", pa.float64()),
        ("count_jerk_error", pa.float64()),
        ("mark", pa.float64()),
        ("mark_ts", TIME),
        ("ts_recv", TIME),
        ("coverage", pa.float64()),
        ("warming", pa.bool_()),
        *ORIGIN,
    ]
)
SIGNALS = pa.schema([*signal_columns(), ("ts_read", TIME), ("json", pa.string()), *ORIGIN])
COVERAGE = pa.schema(
    [
        ("ts", TIME),
        ("writer", pa.string()),
        ("venue", pa.string()),
        ("live", pa.float64()),
        ("share", pa.float64()),
        ("coverage", pa.float64()),
        *ORIGIN,
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "events": EVENTS,
    "context": CONTEXT,
    "metrics": METRICS,
    "signals": SIGNALS,
    "coverage": COVERAGE,
}
TIME_OF = {"events": "ts_event", "context": "ts_event", "metrics": "as_of", "signals": "ts", "coverage": "ts"}
"""The column whose date, UTC, says into which day a row belongs."""
IDENTITY = {"events": "event_id", "signals": "signal_id"}
"""The column that is the same for the same row, however often it is told."""
