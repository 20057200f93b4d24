"""Entries of `events:{pN}` and `metrics:{pN}`, and the readers' proof that none is missing or doubled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from foreshock_model.errors import CodecError

InputKind = Literal["batch", "tick", "config", "market"]
INPUT_KINDS = frozenset({"batch", "tick", "config", "market"})
OUTPUT_KINDS = frozenset({"metrics", "config", "market", "empty"})


def _field(fields: Mapping[bytes, bytes], name: bytes) -> bytes:
    try:
        return fields[name]
    except KeyError:
        msg = f"entry lacks field {name.decode()!r}"
        raise CodecError(msg) from None


def _integer(fields: Mapping[bytes, bytes], name: bytes) -> int:
    raw = _field(fields, name)
    try:
        return int(raw)
    except ValueError:
        msg = f"entry field {name.decode()!r} is not an integer: {raw[:40]!r}"
        raise CodecError(msg) from None


def _kind(fields: Mapping[bytes, bytes], allowed: frozenset[str]) -> str:
    kind = _field(fields, b"kind").decode("utf-8", "replace")
    if kind not in allowed:
        msg = f"entry field 'kind' is {kind[:40]!r}, expected one of {sorted(allowed)}"
        raise CodecError(msg)
    return kind


class InputEntry(msgspec.Struct, frozen=True):
    """One entry of `events:{pN}`.

    writer, epoch, seq  who wrote it, its start number, and its dense number within both (from 1)
    clock               the writer's time of writing, ns UTC
    data                by kind: an `EventBatch`, or JSON
    """

    kind: str
    writer: str
    epoch: int
    seq: int
    clock: int
    data: bytes = b""

    def to_fields(self) -> dict[bytes, bytes]:
        """Return the entry as Redis stores it."""
        return {
            b"kind": self.kind.encode(),
            b"writer": self.writer.encode(),
            b"epoch": b"%d" % self.epoch,
            b"seq": b"%d" % self.seq,
            b"clock": b"%d" % self.clock,
            b"data": self.data,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> InputEntry:
        """Read an entry. Raises CodecError naming the field; unknown fields are ignored."""
        return cls(
            kind=_kind(fields, INPUT_KINDS),
            writer=_field(fields, b"writer").decode("utf-8", "replace"),
            epoch=_integer(fields, b"epoch"),
            seq=_integer(fields, b"seq"),
            clock=_integer(fields, b"clock"),
            data=_field(fields, b"data"),
        )


class OutputEntry(msgspec.Struct, frozen=True):
    """One entry of `metrics:{pN}`. data is a `WindowMetrics`, or the JSON of the config or market input passed on."""

    kind: str
    clock: int
    data: bytes = b""

    def to_fields(self) -> dict[bytes, bytes]:
        """Return the entry as Redis stores it."""
        return {b"kind": self.kind.encode(), b"clock": b"%d" % self.clock, b"data": self.data}

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> OutputEntry:
        """Read an entry. Raises CodecError naming the field."""
        return cls(_kind(fields, OUTPUT_KINDS), _integer(fields, b"clock"), _field(fields, b"data"))


class ConfigDocument(msgspec.Struct, frozen=True):
    """data of a `config` entry: a service's whole configuration at a revision."""

    service: str
    revision: int
    document: msgspec.Raw


class Sequencer:
    """Tells new entries from repeats by (writer, epoch, seq), and counts those that never came.

    A retried write is harmless: the second copy has a seq already seen. Part of a service's snapshot.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        self.repeated = 0
        self.missing = 0

    def accept(self, writer: str, epoch: int, seq: int) -> bool:
        """Return True for a new entry. A jump of seq adds to `missing`; a first sight of a writer starts its count."""
        known = self._last.get(writer)
        if known is not None and (epoch, seq) <= known:
            self.repeated += 1
            return False
        if known is not None and epoch == known[0]:
            self.missing += seq - known[1] - 1
        elif known is not None:
            self.missing += seq - 1
        self._last[writer] = (epoch, seq)
        return True

    def dump(self) -> dict[str, object]:
        """Return the state as plain values."""
        return {"last": {k: list(v) for k, v in self._last.items()}, "repeated": self.repeated, "missing": self.missing}

    def load(self, state: Mapping[str, object]) -> None:
        """Take up a state made by `dump`. Raises CodecError when it is not one."""
        try:
            shape = msgspec.convert(state, _SequencerState)
        except msgspec.ValidationError as error:
            msg = f"sequencer state: {error}"
            raise CodecError(msg) from error
        self._last = dict(shape.last)
        self.repeated, self.missing = shape.repeated, shape.missing


class _SequencerState(msgspec.Struct):
    last: dict[str, tuple[int, int]]
    repeated: int
    missing: int
