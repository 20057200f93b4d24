"""Where rows go: a place that takes a step whole or not at all, and knows how far it has got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from foreshock_archive.domain.position import Position
from foreshock_sdk.errors import ForeshockError


class SinkError(ForeshockError):
    """A step that could not be written; what was there is as before. The message holds no secret."""


class Sink(Protocol):
    """A place for rows. Each method may raise SinkError or OSError; `begin` may follow at any time."""

    name: str
    """For logs and metrics."""

    async def begin(self) -> Position:
        """Get hold of the place, put away what an interrupted step left, and return how far the last one went."""
        ...

    async def recent(self, table: str, most: int) -> Sequence[str]:
        """Return about `most` of the newest identities of a table, oldest first; () where the place knows doubles."""
        ...

    async def write(self, tables: Mapping[str, pa.Table], before: Position, after: Position) -> int:
        """Write a step: the rows and the position, both or neither. Returns the number of files or tables written."""
        ...

    async def close(self) -> None:
        """Let go of the place. Closing twice is harmless."""
        ...
