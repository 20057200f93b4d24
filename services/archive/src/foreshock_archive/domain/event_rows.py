"""Rows of `events` and `context`: a batch's columns with the names spelled out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from foreshock_archive.domain.columns import Codes, Growing, Origin, numbers, times, words
from foreshock_archive.domain.schemas import CONTEXT, EVENTS, FLAGS, TIME
from foreshock_archive.domain.seen import Seen
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef
from foreshock_model.errors import CodecError
from foreshock_sdk.events import ContextField, LiquidatedSide, PriceKind
from foreshock_sdk.identity import format_key

SIDE_NAMES = [side.name for side in LiquidatedSide]
KIND_NAMES = [kind.name for kind in PriceKind]
FIELD_NAMES = [field.name.lower() for field in ContextField]


class EventRows:
    """Liquidations, each event once."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._rows = _InstrumentRows(LIQUIDATION_COLUMNS)

    def __len__(self) -> int:
        return self._rows.rows

    def add(self, origin: Origin, batch: EventBatch) -> None:
        """Take in a checked batch's rows whose event was not seen before."""
        columns = batch.liquidations
        keys = columns["event_id"].tolist()
        fresh = np.fromiter((self._seen.fresh(format_key(key)) for key in keys), np.bool_, len(keys))
        if not fresh.all():
            columns = {name: column[fresh] for name, column in columns.items()}
        self._rows.add_batch(origin, batch.instruments, columns)

    def table(self) -> pa.Table:
        """Return what was taken in."""
        rows = self._rows
        if not rows.rows:
            return EVENTS.empty_table()
        flags = rows.column("flags")
        return pa.table(
            {
                **rows.named(),
                "liquidated_side": words(rows.column("liquidated_side"), SIDE_NAMES),
                "price_kind": words(rows.column("price_kind"), KIND_NAMES),
                "price": numbers(rows.column("price")),
                "quantity": numbers(rows.column("quantity")),
                "notional_usd": numbers(rows.column("notional_usd")),
                "multiplier": rows.multipliers(),
                **{str(flag.name).lower(): pa.array((flags & flag.value) != 0) for flag in FLAGS},
                "event_id": [format_key(key) for key in rows.column("event_id").tolist()],
            },
            EVENTS,
        )


class ContextRows:
    """Prices and other context."""

    def __init__(self) -> None:
        self._rows = _InstrumentRows(CONTEXT_COLUMNS)

    def __len__(self) -> int:
        return self._rows.rows

    def add(self, origin: Origin, batch: EventBatch) -> None:
        """Take in a checked batch's rows."""
        self._rows.add_batch(origin, batch.instruments, batch.context)

    def table(self) -> pa.Table:
        """Return what was taken in."""
        rows = self._rows
        if not rows.rows:
            return CONTEXT.empty_table()
        columns = {"field": words(rows.column("field"), FIELD_NAMES), "value": numbers(rows.column("value"))}
        return pa.table({**rows.named(), **columns}, CONTEXT)


class _InstrumentRows(Growing):
    """Rows that point at contracts: each batch has a list of its own, so their numbers are made common."""

    def __init__(self, layout: tuple[tuple[str, str], ...]) -> None:
        super().__init__([name for name, _ in layout])
        self._codes: Codes[InstrumentRef] = Codes()

    def add_batch(self, origin: Origin, refs: tuple[InstrumentRef, ...], columns: Columns) -> None:
        """Append the rows of a batch."""
        if columns["instrument"].size:
            common = self._codes.of(refs)[columns["instrument"]]
            self.add(origin, {**columns, "instrument": common})

    def named(self) -> dict[str, pa.Array]:
        """Return the columns that both tables have."""
        refs, codes = self._codes.values, self.column("instrument")
        names = ("venue", "symbol", "instrument", "raw_symbol")
        return {
            **{name: words(codes, [getattr(ref, name) for ref in refs]) for name in names},
            **{name: times(self.column(name), TIME) for name in ("ts_event", "ts_recv")},
            **self.origins(),
        }

    def multipliers(self) -> pa.Array:
        """Return each row's multiplier."""
        values = np.array([ref.multiplier for ref in self._codes.values], np.float64)
        return pa.array(values[self.column("instrument")])


def check(batch: EventBatch) -> None:
    """Raise CodecError for a batch with a value that has no name here."""
    for columns, name, known in (
        (batch.liquidations, "liquidated_side", SIDE_NAMES),
        (batch.liquidations, "price_kind", KIND_NAMES),
        (batch.context, "field", FIELD_NAMES),
    ):
        codes = columns[name]
        if codes.size and int(codes.max()) >= len(known):
            msg = f"column {name!r} holds {int(codes.max())}, known are 0..{len(known) - 1}"
            raise CodecError(msg)
