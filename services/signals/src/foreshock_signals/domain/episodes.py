"""Episodes under way: LONG and SHORT of a symbol apart, each named by symbol, side and the input that began it."""

from __future__ import annotations

from foreshock_signals.domain.table import SIDES

Pair = tuple[str | None, str | None]


class Episodes:
    """Ids of open episodes by symbol and side."""

    def __init__(self, opened: list[tuple[str, int, str]] | None = None) -> None:
        self._open = {(symbol, side): name for symbol, side, name in opened or ()}

    def enter(self, symbol: str, side: int, entry_id: str) -> str:
        """Return the id of the episode under way, beginning one at this input when there is none."""
        return self._open.setdefault((symbol, side), f"{symbol}-{SIDES[side]}-{entry_id}")

    def close(self, symbol: str, side: int) -> None:
        """End the episode under way."""
        self._open.pop((symbol, side), None)

    def of(self, symbol: str) -> Pair:
        """Return the ids under way for LONG and SHORT."""
        return self._open.get((symbol, 0)), self._open.get((symbol, 1))

    def dump(self) -> list[tuple[str, int, str]]:
        """Return the open episodes as plain values."""
        return [(symbol, side, name) for (symbol, side), name in self._open.items()]
