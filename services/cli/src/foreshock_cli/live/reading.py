"""What the live view needs of a house, read from the keys and streams that anybody may read."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import msgspec
import redis

from foreshock_cli import signal_lines
from foreshock_cli.signal_lines import Message
from foreshock_model import keys

RECENT = 6
"""Signals shown."""
HEALTH_ENTRIES = 200
TICK_ENTRIES = 20
SIDES = ("LONG", "SHORT")
WINDOWS = ("2s", "10s", "60s")


class SymbolView(msgspec.Struct, frozen=True):
    """One market: level and probability by side, USD by window over both sides."""

    symbol: str
    level: str
    probability: dict[str, float]
    usd: dict[str, float]
    count: dict[str, float]

    @property
    def weight(self) -> tuple[float, float]:
        """What comes first: danger, then size."""
        return max(self.probability.values(), default=0.0), self.usd.get(WINDOWS[-1], 0.0)


class HouseView(msgspec.Struct, frozen=True):
    """A moment of the house. Everything absent is None or empty: absent is not calm."""

    regime: str | None
    mark: float | None
    symbols: list[SymbolView]
    routes: dict[str, str]
    recent: list[Message]
    coverage: float | None = None


class Reader:
    """Reads again and again with one client; remembers where it was in the stream of signals."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._recent: deque[Message] = deque(maxlen=RECENT)
        self._last: str | None = None

    def read(self) -> HouseView:
        """Return the present moment. Raises redis errors."""
        self._hear()
        regime, btc = self._objects([keys.REGIME, keys.BTC_PRICE])
        return HouseView(
            regime=regime.get("regime"),
            mark=_number(btc.get("price")),
            symbols=self._symbols(),
            routes=self._routes(),
            recent=list(self._recent),
            coverage=_number(regime.get("coverage")),
        )

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _symbols(self) -> list[SymbolView]:
        prefix = keys.probability("")
        names = [
            name.decode().removeprefix(prefix)
            for name in cast("Any", self._client.scan_iter(match=f"{prefix}*", count=1_000))
        ]
        if not names:
            return []
        assessed = self._objects([keys.probability(name) for name in names])
        measured = self._objects([keys.velocity_current(name) for name in names])
        views = [symbol_view(*each) for each in zip(names, assessed, measured, strict=True)]
        return sorted(views, key=lambda view: view.weight, reverse=True)

    def _routes(self) -> dict[str, str]:
        entries = cast("list[Any]", self._client.xrevrange(keys.FEEDS_HEALTH, count=HEALTH_ENTRIES))
        routes: dict[str, str] = {}
        for _, fields in reversed(entries):
            if fields.get(b"kind") == b"state":
                routes[fields[b"route"].decode()] = fields[b"to"].decode()
        return dict(sorted((self._told_by_tick() | routes).items()))

    def _told_by_tick(self) -> dict[str, str]:
        """Return the routes of the newest tick: those that never changed their state are in no health entry."""
        newest = cast("list[Any]", self._client.xrevrange(keys.events(0), count=TICK_ENTRIES))
        for _, fields in newest:
            if fields.get(b"kind") == b"tick":
                return {str(name): str(told) for name, told in _object(fields.get(b"data")).get("routes", {}).items()}
        return {}

    def _hear(self) -> None:
        least = "-" if self._last is None else f"({self._last}"
        if self._last is None:
            found = list(reversed(cast("list[Any]", self._client.xrevrange(keys.CASCADE_SIGNALS, count=RECENT))))
        else:
            found = cast("list[Any]", self._client.xrange(keys.CASCADE_SIGNALS, min=least, count=1_000))
        for entry_id, fields in found:
            self._last = entry_id.decode()
            self._take(fields.get(b"json", b""))

    def _take(self, data: bytes) -> None:
        try:
            message = signal_lines.parse(data)
        except ValueError:
            return
        before = next((at for at in reversed(range(len(self._recent))) if _alike(self._recent[at], message)), None)
        if before is not None and self._recent[before].level == message.level:
            # It only confirms what is shown: the line is brought up to date and keeps the time of the change.
            self._recent[before] = msgspec.structs.replace(message, ts=self._recent[before].ts)
        else:
            self._recent.append(message)

    def _objects(self, names: list[str]) -> list[dict[str, Any]]:
        values = cast("list[bytes | None]", self._client.mget(names))
        return [_object(value) for value in values]


def symbol_view(symbol: str, assessed: dict[str, Any], measured: dict[str, Any]) -> SymbolView:
    """Return a market from the JSON of its two keys; what is missing stays out."""
    sides = assessed.get("sides") or {}
    windows = measured.get("windows") or {}
    return SymbolView(
        symbol,
        str(assessed.get("level") or "-"),
        {side: _number(sides.get(side, {}).get("probability")) or 0.0 for side in SIDES if side in sides},
        {name: _total(windows.get(name), "usd") for name in WINDOWS},
        {name: _total(windows.get(name), "count") for name in WINDOWS},
    )


def _alike(earlier: Message, later: Message) -> bool:
    """Tell whether both are signals of one side of one market."""
    return earlier.kind == later.kind == "signal" and earlier.symbol == later.symbol and earlier.side == later.side


def _total(sides: Any, name: str) -> float:
    return sum(_number(each.get(name)) or 0.0 for each in sides.values()) if isinstance(sides, dict) else 0.0


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(value, type=dict[str, Any]) if value else {}
    except msgspec.DecodeError:
        return {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
