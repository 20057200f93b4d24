"""One partition of velocity: every input entry moves it on and is answered by exactly one output entry.

The state reads no clock. `now` is the largest clock of a batch or tick so far, so outputs are a function of the stream
alone: the same entries give the same bytes, in one run or in many with a snapshot between any two entries.
Only entries of feeds move it: a config entry carries the clock of the host that made it, which no event follows.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from foreshock_model import batch as batches
from foreshock_model import metrics as metric_codec
from foreshock_model import tick as ticks
from foreshock_model.batch import EventBatch
from foreshock_model.entries import ConfigDocument, InputEntry, OutputEntry, Sequencer
from foreshock_model.errors import CodecError
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_model.sight import Sight
from foreshock_model.tick import TickData
from foreshock_velocity.domain import config as configs
from foreshock_velocity.domain import snapshot
from foreshock_velocity.domain.analysis import Analysis
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.current import Publication
from foreshock_velocity.domain.evaluate import Selection, evaluate
from foreshock_velocity.domain.intake import Counters, Taken, take
from foreshock_velocity.domain.latest import Latest
from foreshock_velocity.domain.lives import Lives
from foreshock_velocity.domain.repeats import Repeats
from foreshock_velocity.domain.teller import NEVER, Teller
from foreshock_velocity.domain.telling import censored, insight
from foreshock_velocity.domain.windows import NS_PER_MS

SERVICE = "velocity"
CLOCKED = frozenset({"batch", "tick"})
"""Kinds of entries whose clock moves the state's."""
LARGEST = 1 << 62
SECOND_NS = 1_000 * NS_PER_MS
Payload = EventBatch | ConfigDocument | TickData


class UnknownSymbolError(LookupError):
    """A symbol nothing was seen of. The message names it."""


class VelocityState:
    """Windows, marks and totals of one partition's symbols.

    now          ns UTC, the largest clock of a batch or tick so far;  last_id of the newest entry
    revision     of the configuration in force
    newest_recv  ns UTC, receipt of the newest liquidation of the newest entry; 0 for none
    counters     see `Counters`
    """

    def __init__(self, config: VelocityConfig | None = None, *, windows_ms: tuple[int, ...] = WINDOWS_MS) -> None:
        self.config = VelocityConfig() if config is None else config
        self.revision = 0
        self.now = 0
        self.last_id = ""
        self.newest_recv = 0
        self.counters = Counters()
        self.sequencer = Sequencer()
        self._windows_ms = windows_ms
        self._book = Book(windows_ms, self.config)
        self._teller = Teller(self._book, windows_ms)
        self._lives = Lives()
        self._repeats = Repeats()
        self._analysis = Analysis(windows_ms)
        self._latest = Latest(self._book, self._analysis)
        self._first_clock = NEVER
        self._rebuilt = False

    @property
    def warming(self) -> bool:
        """True while rebuilt without a snapshot and not yet as old as the longest window."""
        if self._first_clock == NEVER:
            return self._rebuilt
        return self._rebuilt and self.now - self._first_clock < self._windows_ms[-1] * NS_PER_MS

    @warming.setter
    def warming(self, rebuilt: bool) -> None:
        self._rebuilt = rebuilt
        if rebuilt:
            self._first_clock = NEVER  # its age counts from the next entry

    @property
    def symbols(self) -> int:
        """Symbols seen so far."""
        return len(self._book.registry.symbols)

    @property
    def held(self) -> int:
        """Pairs of symbol and venue that hold windows; the others fell silent and gave theirs back."""
        return self._book.windows.held

    @property
    def nbytes(self) -> int:
        """Bytes of the state's arrays."""
        return self._book.nbytes + self._analysis.nbytes + self._repeats.nbytes

    def bytes_per_symbol(self) -> float:
        """Return bytes of the symbols' arrays per symbol seen, spare room of doubling included."""
        return (self._book.nbytes + self._analysis.nbytes) / max(self.symbols, 1)

    def advance(self, entry_id: str, entry: InputEntry) -> OutputEntry:
        """Answer one entry. Raises CodecError, with nothing changed, when the entry cannot be read.

        kind of the answer: `metrics` with rows of the touched symbols and, at the first batch or tick after a
        grid point, of those that decay, or without rows when only the sight of the market is to be told; `config`
        and `market` pass their input on; `empty` for everything else and for repeats.
        """
        _check(entry)
        payload = _read(entry)
        self._teller.forget()
        self.newest_recv = 0
        if not self.sequencer.accept(entry.writer, entry.epoch, entry.seq):
            return OutputEntry("empty", self.now)
        before = self._lives.sight(self.now)
        self._step(entry_id, entry)
        if isinstance(payload, ConfigDocument):
            self._apply(payload)
        elif isinstance(payload, TickData):
            self._learn(payload)
            self._lives.hear(entry.writer, payload.venues, self.now)
        if entry.kind in {"config", "market"}:
            return OutputEntry(entry.kind, self.now, entry.data)
        metrics = self._tell(payload, before)
        if metrics is None:
            return OutputEntry("empty", self.now)
        return OutputEntry("metrics", self.now, metric_codec.encode(metrics))

    def _tell(self, payload: Payload | None, before: Sight | None) -> WindowMetrics | None:
        """Return the rows that are due with the sight, or the sight alone when it is; before is what was seen last."""
        taken = self._take(payload) if isinstance(payload, EventBatch) else Taken(self._book.symbols.size)
        if self._analysis.settle(self._book, self.now):
            self._latest.note_interests(self.now // SECOND_NS)
        metrics = self._teller.tell(
            taken,
            now=self.now,
            cadence=self.config.cadence_ms * NS_PER_MS,
            warming=self.warming,
        )
        self._latest.note(self._teller)
        if metrics is not None:
            metrics.sight = self._lives.sight(self.now)
            whole = self._teller.edge or bool(self._teller.due)
            chosen = self._teller.chosen
            if whole or self._analysis.hides(chosen.pairs):
                metrics.insight = insight(self._analysis, self._book, metrics, chosen, whole=whole)
        if self._lives.due(self.now, before) and metrics is None:
            return metric_codec.nothing(self._windows_ms, warming=self.warming, sight=self._lives.sight(self.now))
        return metrics

    def _step(self, entry_id: str, entry: InputEntry) -> None:
        self.last_id = entry_id
        self.counters.entries += 1
        if entry.kind not in CLOCKED:
            return
        self.now = max(self.now, entry.clock)
        if self._first_clock == NEVER:
            self._first_clock = entry.clock

    def configure(self, config: VelocityConfig, revision: int) -> None:
        """Put a configuration in force. Within a stream `advance` does so, at the entry that carries it."""
        self._book.move_all(self.now)  # what went before stands under the old delays
        self.config, self.revision = config, revision
        self._book.configure(config)

    def _apply(self, document: ConfigDocument) -> None:
        if document.service != SERVICE:
            return
        try:
            config = configs.decode(bytes(document.document))
        except ValueError:
            self.counters.rejected_configs += 1
            return
        self.configure(config, document.revision)

    def _learn(self, tick: TickData) -> None:
        self._analysis.learn(tick.caps)
        if tick.delays.items() <= self._book.delays.items():
            return
        self._book.move_all(self.now)  # what went before stands under the old delays
        self._book.learn(tick.delays)

    def _take(self, batch: EventBatch) -> Taken:
        rows = len(batch.liquidations["event_id"])
        batch.liquidations = self._repeats.leave_out(batch.liquidations, self.now)
        self.counters.doubled += rows - len(batch.liquidations["event_id"])
        self._analysis.note_context(self._book, batch)  # first: what is taken has the size of all symbols known
        late_ns = self.config.late_after_ms * NS_PER_MS
        taken = take(self._book, batch, now=self.now, late_ns=late_ns, counters=self.counters)
        self._analysis.note(batch, taken)
        self.newest_recv = int(np.maximum.reduce(batch.liquidations["ts_recv"], initial=0))
        return taken

    @property
    def told(self) -> WindowMetrics | None:
        """The rows of the last answer, None when it had none."""
        return self._teller.metrics

    def look(self, symbols: Sequence[str]) -> WindowMetrics:
        """Return rows of symbols as they were last evaluated; changes nothing. Raises UnknownSymbolError."""
        found = [self._book.registry.find_symbol(each) for each in symbols]
        if None in found:
            raise UnknownSymbolError(f"{symbols[found.index(None)]}: nothing was seen of this symbol")
        ids = np.array(found, np.int64)
        as_of = np.maximum(self._book.symbols.row_at[ids], 0)
        chosen = Selection(ids, as_of, np.zeros(len(ids), np.int64), *self._book.registry.table(ids))
        metrics = evaluate(self._book, chosen, self._windows_ms, warming=self.warming)
        metrics.sight = self._lives.sight(self.now)
        metrics.insight = insight(self._analysis, self._book, metrics, chosen)
        return metrics

    def censored_share(self) -> float:
        """Return the share of pairs of living symbols that hide orders just now, 0 to 1."""
        self._analysis.fit(self._book)
        pairs = np.arange(1, self._book.registry.pairs)
        pairs = pairs[self._book.symbols.live[self._book.registry.pair_symbol[pairs]]]
        return float(censored(self._analysis, pairs, self.now).mean()) if pairs.size else 0.0

    def publications(self) -> list[Publication]:
        """Return (key, JSON) of what became due since the last call: at most two a second a symbol by entry clocks."""
        return self._latest.take(self.now)

    def dump(self) -> bytes:
        """Return the state as bytes for `load`."""
        header = snapshot.Header(
            schema=snapshot.SCHEMA,
            windows_ms=self._windows_ms,
            config=self.config,
            delays=self._book.delays,
            lives=self._lives.told,
            sight_told=self._lives.last_told,
            repeats_since=self._repeats.since,
            revision=self.revision,
            now=self.now,
            first_clock=self._first_clock,
            last_edge=self._teller.last_edge,
            last_id=self.last_id,
            rebuilt=self._rebuilt,
            counters=self.counters,
            sequencer=self.sequencer.dump(),
            names=self._book.names(),
            analysis=self._analysis.names(),
        )
        arrays = [*self._book.arrays(), *self._analysis.arrays()]
        return snapshot.pack(header, arrays, self._repeats.dump())

    @classmethod
    def load(cls, blob: bytes, *, windows_ms: tuple[int, ...] = WINDOWS_MS) -> VelocityState:
        """Read a state made by `dump`. Raises ValueError when it is none, or of another schema or other windows."""
        header, data, keys = snapshot.unpack(blob)
        if header.windows_ms != windows_ms:
            msg = f"snapshot: windows {header.windows_ms}, expected {windows_ms}"
            raise ValueError(msg)
        state = cls(header.config, windows_ms=windows_ms)
        shapes = Book.layout(header.names)
        arrays = snapshot.read_arrays(data, shapes + state._analysis.layout(header.analysis))
        state._book.load(header.names, arrays[: len(shapes)])
        state._analysis.load(header.analysis, arrays[len(shapes) :])
        state._book.learn(header.delays)
        state._lives.load(header.lives, header.sight_told)
        state._repeats.load(keys, header.repeats_since)
        state.sequencer.load(header.sequencer)
        state.revision, state.now, state.last_id = header.revision, header.now, header.last_id
        state.counters, state._rebuilt = header.counters, header.rebuilt
        state._first_clock, state._teller.last_edge = header.first_clock, header.last_edge
        return state


def _check(entry: InputEntry) -> None:
    for name in ("clock", "epoch", "seq"):
        value = getattr(entry, name)
        if not 0 <= value < LARGEST:
            msg = f"entry field {name!r} is out of range: {value}"
            raise CodecError(msg)


def _read(entry: InputEntry) -> Payload | None:
    if entry.kind == "batch":
        return batches.decode(entry.data)
    if entry.kind == "tick":
        return ticks.decode(entry.data)
    if entry.kind != "config":
        return None
    try:
        return msgspec.json.decode(entry.data, type=ConfigDocument)
    except msgspec.DecodeError as error:
        msg = f"config entry: {error}"
        raise CodecError(msg) from error
