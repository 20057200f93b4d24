"""Recordings, one record a line: how lines come out of bytes, and one order out of many files. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from foreshock_feeds.domain.recording import Kind, Recorded

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Placed(NamedTuple):
    """A record in the order of all sources: when it came (ns UTC, never falling within a source), and whose it is."""

    at: int
    source: int
    record: Recorded


def batches(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield whatever complete lines have come, without line ends; the last may lack its own."""
    begun: list[bytes] = []
    first = True
    for chunk in chunks:
        text = chunk.removeprefix(BYTE_ORDER_MARK) if first else chunk
        first = False
        head, newline, rest = text.rpartition(b"\n")
        if not newline:
            begun.append(rest)
            continue
        yield (b"".join(begun) + head).split(b"\n")
        begun = [rest] if rest else []
    if begun:
        yield [b"".join(begun)]


def is_torn(record: Recorded) -> bool:
    """Tell whether a line of a recorder's own file is the beginning of one: every whole line says what it is."""
    return record.kind is Kind.FRAME and not record.route


def merged(sources: Iterable[Iterable[Recorded]]) -> Iterator[Placed]:
    """Yield the records of all sources by receive time; those of one source stay in their order."""
    return heapq.merge(*map(_placed, range(1 << 30), sources), key=lambda each: each[:2])


def _placed(source: int, records: Iterable[Recorded]) -> Iterator[Placed]:
    newest = 0
    for record in records:
        newest = max(newest, record.ts_recv or 0)
        yield Placed(newest, source, record)
