"""A simulated dYdX v4 indexer: its websocket, the list of markets and the history of trades.

Trades, prices and books are told in batches, whether a client asked for that or not; a block comes every second. What a
subscription answers with holds the newest trades, the whole book, all markets. Source: indexer documentation,
"WebSockets", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote

from foreshock_dydx.decoder import BATCH, DATA, SUBSCRIBED
from foreshock_dydx.history import PAGE
from foreshock_dydx.history import PATH as HISTORY
from foreshock_dydx.messages import BLOCKS, BOOK, MARKETS, TRADES, iso, millis
from foreshock_dydx.specs import VENUE, by_name, packaged_specs
from foreshock_sdk import (
    ContextField,
    LiquidatedSide,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
    SimSession,
    SimVenue,
)
from foreshock_sdk.simtools import ladder, plain
from foreshock_sdk.simvenue import by_contract, encode, reply

LISTED = (
    *(spec.raw_symbol for spec in packaged_specs().specs),
    *("BUFFICORN,UNISWAP_V3,0X4C1B1302220D7DE5C22B495E78B72F2DD2457D45-USD", "BUFFICORN-USD"),
)
CONNECTED = "connected"
CONNECTION = "3a2e4c0c-7579-4bf6-a570-e0979418bbe9"
BLOCK_MS = 1000
SNAPSHOT_TRADES = 100
SUBSCRIPTIONS = 32
"""Of one channel on one connection."""
LEVELS = 20
QUOTED = (ContextField.BID, ContextField.BID_QUANTITY, ContextField.ASK, ContextField.ASK_QUANTITY)
TOLD = {
    ContextField.MARK: "oraclePrice",
    ContextField.FUNDING: "nextFundingRate",
    ContextField.OPEN_INTEREST: "openInterest",
}
Sides = tuple[dict[float, float], dict[float, float]]


class DydxScript(SimVenue):
    """The venue."""

    venue = VENUE
    paths = ("/v4/ws",)
    messages = 100

    def __init__(self) -> None:
        super().__init__([by_name(each) for each in LISTED])
        self._number = count(1)
        self._block_ms = 0
        self._books: dict[str, Sides] = {}

    def session(self, path: str) -> SimSession | None:
        """Open a session; the venue speaks first, here with its first answer."""
        session = super().session(path)
        if session is not None:
            session.subscribe(CONNECTED)
        return session

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - the base's
        """Say that the connection stands."""
        frame = encode({"type": CONNECTED, "connection_id": CONNECTION, "message_id": 0})
        return [Push(channel, frame)] if channel == CONNECTED else ()

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[str]:
        """Subscribe, unsubscribe or pong; say what is wrong."""
        kind, channel, market = request.get("type"), request.get("channel"), request.get("id")
        if kind == "ping":
            return [self._frame("pong", None, None)]
        if kind not in ("subscribe", "unsubscribe"):
            return [self._error(f"Invalid message type: {kind}")]
        if channel in (MARKETS, BLOCKS):
            return [self._change_of(session, kind, (channel, channel, channel), now_ms)]
        if channel not in (TRADES, BOOK):
            return [self._error(f"Invalid channel: {channel}")]
        if not isinstance(market, str) or market not in self.specs:
            return [self._error(f"Invalid subscription id for channel: ({channel}-{market})")]
        return [self._change_of(session, kind, (f"{channel}:{market}", channel, market), now_ms)]

    def _change_of(self, session: SimSession, kind: str, names: tuple[str, str, str], now_ms: int) -> str:
        """Subscribe or unsubscribe. names: ours, the channel's and the market's."""
        name, channel, market = names
        if kind == "unsubscribe":
            session.unsubscribe(name)
            return self._frame("unsubscribed", channel, market)
        held = [each for each in session.channels if each.partition(":")[0] == channel]
        if len(held) >= SUBSCRIPTIONS:
            return self._error(f"Per-connection subscription limit reached for {channel} (limit={SUBSCRIPTIONS}).")
        if not session.subscribe(name):
            return self._error(f"Invalid subscribe message: already subscribed ({channel}-{market})")
        return self._frame(SUBSCRIBED, channel, market, self._whole(channel, market, now_ms))

    def refuse(self, frame: str | bytes) -> Sequence[str]:  # noqa: ARG002 - the base's
        """Say that it was no JSON."""
        return [self._error("Invalid message: could not parse")]

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Take prices; a block comes before what is told of it."""
        pushes: list[Push] = []
        if now_ms - self._block_ms >= BLOCK_MS:
            self._block_ms = now_ms
            contents = {"blockHeight": str(now_ms // BLOCK_MS), "time": iso(now_ms)}
            pushes.append(Push(BLOCKS, self._frame(DATA, BLOCKS, BLOCKS, contents)))
        return [*pushes, *super().context(rows, now_ms)]

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - the base's
        """Word liquidations, a frame a market."""
        return [
            Push(
                f"{TRADES}:{market}",
                self._frame(BATCH, TRADES, market, [{"trades": [_trade(row) for row in told]}]),
                tuple(row.row for row in told),
            )
            for market, told in by_contract(rows).items()
        ]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word an oracle price, what is traded, and what changed in the book."""
        contents: dict[str, Any] = {}
        trading = {name: plain(prices[field]) for field, name in TOLD.items() if field in prices}
        price = trading.pop("oraclePrice", None)
        if trading:
            contents["trading"] = {raw_symbol: trading}
        if price is not None:
            contents["oraclePrices"] = {raw_symbol: {"oraclePrice": price, "effectiveAt": iso(now_ms)}}
        pushes = [Push(MARKETS, self._frame(BATCH, MARKETS, MARKETS, [contents]))]
        change = self._change(raw_symbol, prices)
        if change:
            pushes.append(Push(f"{BOOK}:{raw_symbol}", self._frame(BATCH, BOOK, raw_symbol, [change])))
        return pushes

    def _change(self, market: str, prices: dict[ContextField, float]) -> dict[str, list[tuple[str, str]]]:
        if not all(field in prices for field in QUOTED):
            return {}
        bid, bid_size, ask, ask_size = (prices[field] for field in QUOTED)
        now: Sides = (
            dict(ladder(bid, bid_size, upwards=False, levels=LEVELS)),
            dict(ladder(ask, ask_size, upwards=True, levels=LEVELS)),
        )
        before, self._books[market] = self._books.get(market, ({}, {})), now
        changed = {
            side: [
                (plain(at), plain(new.get(at, 0.0))) for at in dict.fromkeys((*old, *new)) if old.get(at) != new.get(at)
            ]
            for side, old, new in zip(("bids", "asks"), before, now, strict=True)
        }
        return {side: levels for side, levels in changed.items() if levels}

    def _whole(self, channel: str, market: str, now_ms: int) -> dict[str, Any]:
        """Return what a new subscriber is told."""
        if channel == BLOCKS:
            return {"height": str(now_ms // BLOCK_MS), "time": iso(now_ms)}
        if channel == TRADES:
            return {"trades": self._trades(market, 1 << 62, SNAPSHOT_TRADES)}
        if channel == BOOK:
            sides = zip(("bids", "asks"), self._books.get(market, ({}, {})), strict=True)
            return {
                side: [{"price": plain(at), "size": plain(size)} for at, size in levels.items()]
                for side, levels in sides
            }
        return {"markets": {name: self._listed(name) for name in self.specs}}

    def _trades(self, market: str, before_ms: int, most: int) -> list[dict[str, Any]]:
        rows = [row for row in self.history if row.raw_symbol == market and row.ts_event_ms <= before_ms]
        rows.sort(key=lambda row: row.ts_event_ms, reverse=True)
        return [_trade(row) for row in rows[:most]]

    def _listed(self, market: str) -> dict[str, Any]:
        prices = self.prices.get(market, {})
        told = {name: plain(prices[field]) for field, name in TOLD.items() if field in prices}
        return {"ticker": market, "status": "ACTIVE", "stepSize": "0.001", **told}

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the base's
        """Answer the list of markets, and the trades of one."""
        if path == "/v4/perpetualMarkets":
            return reply({"markets": {name: self._listed(name) for name in self.specs}})
        market = unquote(path.removeprefix(HISTORY))
        if not path.startswith(HISTORY):
            return None
        if market not in self.specs:
            return reply({"errors": [{"msg": f"{market} not found in tickers of type PERPETUAL"}]}, 404)
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        before = millis(asked["createdBeforeOrAt"]) if "createdBeforeOrAt" in asked else 1 << 62
        return reply({"trades": self._trades(market, before, min(int(asked.get("limit", PAGE)), PAGE))})

    def _frame(self, kind: str, channel: str | None, market: str | None, contents: Any = None) -> str:
        frame: dict[str, Any] = {"type": kind, "connection_id": CONNECTION, "message_id": next(self._number)}
        named = {"channel": channel, "id": market, "contents": contents}
        return encode(frame | {key: value for key, value in named.items() if value is not None})

    def _error(self, message: str) -> str:
        return encode(
            {
                "type": "error",
                "message": message,
                "connection_id": CONNECTION,
                "message_id": next(self._number),
            }
        )


def _trade(row: SimLiquidation) -> dict[str, Any]:
    return {
        "id": f"{row.row:024x}",
        "side": "SELL" if row.liquidated_side == LiquidatedSide.LONG else "BUY",
        "size": plain(row.size),
        "price": plain(row.price),
        "type": "LIQUIDATED",
        "createdAt": iso(row.ts_event_ms),
        "createdAtHeight": str(row.ts_event_ms // BLOCK_MS),
    }
