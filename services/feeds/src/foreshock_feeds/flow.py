"""Whether sockets are read: not while more is waiting to be written than one write takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LONGEST_SECONDS = 0.5
"""A write that takes longer means that Redis is away: then it is better to read on, and to keep what comes."""


class Flow:
    """Holds all sockets of the process while writing has to catch up.

    Without it a venue that sends faster than can be written would fill the memory, and starve the writing itself; with
    it the venue's own socket fills instead, as TCP means it to.
    """

    def __init__(self) -> None:
        self.given_up = False
        self._held = False
        self._listeners: set[Callable[[bool], None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def listen(self, listener: Callable[[bool], None]) -> None:
        """Call `listener(held)` at each change, and now if held."""
        self._listeners.add(listener)
        if self._held:
            listener(True)

    def forget(self, listener: Callable[[bool], None]) -> None:
        """Call it no more."""
        self._listeners.discard(listener)

    def hold(self) -> None:
        """Stop reading until `release`, for a bounded time."""
        if not (self._held or self.given_up):
            self._timer = asyncio.get_running_loop().call_later(LONGEST_SECONDS, self._give_up)
            self._tell(held=True)

    def release(self) -> None:
        """Read on: what waited has been written."""
        self.given_up = False
        self._open()

    def _give_up(self) -> None:
        self.given_up = True
        self._open()

    def _open(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._tell(held=False)

    def _tell(self, *, held: bool) -> None:
        self._held = held
        for listener in tuple(self._listeners):
            listener(held)
