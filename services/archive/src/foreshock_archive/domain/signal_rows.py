"""Rows of `signals` and `coverage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.schemas import COVERAGE, PREFIXES, SIGNALS
from foreshock_archive.domain.seen import Seen
from foreshock_model import tick
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError
from foreshock_model.signal import decode
from foreshock_model.tick import TickData

REPEAT_NS = 1_000_000_000
"""A tick that says the same as the writer's last is kept again after so long."""


class SignalRows:
    """Signals, each once: what stands inside is flat, and the whole document stands in `json`."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._rows: list[pa.Table] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, origin: Origin, document: bytes, ts_read: int) -> None:
        """Take in a signal that was not seen before; ts_read (ns UTC) is when it came. Raises CodecError."""
        try:
            signal = decode(document)
        except msgspec.DecodeError as error:
            msg = f"signal: {error}"
            raise CodecError(msg) from error
        row = {**_flat(msgspec.structs.asdict(signal)), "ts_read": ts_read, "json": document.decode("utf-8", "replace")}
        made = _rows([row | origin._asdict()], SIGNALS)
        if self._seen.fresh(signal.signal_id):
            self._rows.append(made)

    def table(self) -> pa.Table:
        """Return what was taken in."""
        return pa.concat_tables(self._rows).combine_chunks() if self._rows else SIGNALS.empty_table()


class CoverageRows:
    """What feeds said of its venues: a row a venue for each change, and once a second of each writer."""

    def __init__(self, last: Mapping[str, tuple[int, TickData]]) -> None:
        self._rows: list[pa.Table] = []
        self.last = dict(last)

    def __len__(self) -> int:
        return sum(each.num_rows for each in self._rows)

    def add(self, origin: Origin, entry: InputEntry) -> None:
        """Take in a tick. Every partition has it: the first is taken. Raises CodecError."""
        said = tick.decode(entry.data)
        last, earlier = self.last.get(entry.writer, (0, None))
        same = earlier is not None and (said.venues, said.coverage) == (earlier.venues, earlier.coverage)
        if not said.venues or entry.clock < last or (same and entry.clock - last < REPEAT_NS):
            return
        common = {"ts": entry.clock, "writer": entry.writer, "coverage": said.coverage, **origin._asdict()}
        rows = [
            {**common, "venue": venue, "live": life.live, "share": life.share} for venue, life in said.venues.items()
        ]
        self._rows.append(_rows(rows, COVERAGE))
        self.last[entry.writer] = (entry.clock, said)

    def table(self) -> pa.Table:
        """Return what was taken in."""
        return pa.concat_tables(self._rows).combine_chunks() if self._rows else COVERAGE.empty_table()

    def empty(self) -> None:
        """Forget the rows, but not what was said last."""
        self._rows = []


def _rows(values: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    try:
        return pa.Table.from_pylist(values, schema)
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        msg = f"a value does not fit its column: {error}"
        raise CodecError(msg) from error


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, msgspec.Struct):
            found |= _flat(msgspec.structs.asdict(value), PREFIXES[name])
        else:
            plain = value is None or isinstance(value, str | int | float)
            found[prefix + name] = value if plain else msgspec.json.encode(value).decode()
    return found
