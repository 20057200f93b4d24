"""A simulated Bitget: of each second the largest liquidation of either side, tickers, whole books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from foreshock_bitget.connector import channel_of, kind_of
from foreshock_bitget.messages import BOOK, COIN_FUTURES, LIQUIDATION, TICKER, USDC_FUTURES, USDT_FUTURES
from foreshock_bitget.specs import VENUE, CoinAmount, packaged_specs
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimLiquidation,
    SimSession,
    SimVenue,
)
from foreshock_sdk.simbooks import ladder
from foreshock_sdk.simtools import plain
from foreshock_sdk.simvenue import Frame, encode, reply

PATH = "/v3/ws/public"
INSTRUMENTS = "/api/v3/market/instruments"
KINDS = (USDT_FUTURES, USDC_FUTURES, COIN_FUTURES)
SLOT_MS = 1000
TICKER_KEYS = {
    ContextField.MARK: "markPrice",
    ContextField.INDEX: "indexPrice",
    ContextField.FUNDING: "fundingRate",
    ContextField.OPEN_INTEREST: "openInterest",
    ContextField.BID: "bid1Price",
    ContextField.BID_QUANTITY: "bid1Size",
    ContextField.ASK: "ask1Price",
    ContextField.ASK_QUANTITY: "ask1Size",
}


class BitgetVenue(SimVenue):
    """The venue. coin_amount: how the connector beside it takes coin-margined amounts."""

    venue = VENUE
    paths = (PATH,)
    silence_ms = 120_000
    messages = 10

    def __init__(self, coin_amount: CoinAmount = "off") -> None:
        super().__init__(packaged_specs(coin_amount).specs)
        self._slot = 0
        self._withheld: list[int] = []

    def plain(self, session: SimSession, frame: Frame, now_ms: int) -> Sequence[Frame] | None:  # noqa: ARG002 - the base's
        """Answer a bare ping."""
        return ("pong",) if frame in {"ping", b"ping"} else None

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[Frame]:  # noqa: ARG002 - the base's
        """Answer each argument of a request by itself."""
        op, args = request.get("op"), request.get("args")
        if op not in ("subscribe", "unsubscribe") or not isinstance(args, list):
            return self.refuse("")
        return [self._answer(session, str(op), arg) for arg in args]

    def _answer(self, session: SimSession, op: str, arg: Any) -> str:
        if not isinstance(arg, dict) or not self._known(arg):
            return encode({"event": "error", "arg": arg, "code": "30001", "msg": "doesn't exist"})
        (session.subscribe if op == "subscribe" else session.unsubscribe)(channel_of(arg))
        return encode({"event": op, "arg": arg, "connId": "7b1c"})

    def _known(self, arg: dict[str, Any]) -> bool:
        if arg.get("topic") == LIQUIDATION:
            return arg.get("instType") in KINDS
        spec = self.specs.get(str(arg.get("symbol")))
        return arg.get("topic") in (TICKER, BOOK) and spec is not None and kind_of(spec) == arg.get("instType")

    def refuse(self, frame: Frame) -> Sequence[Frame]:  # noqa: ARG002 - whatever it was
        """Answer what is no request."""
        return (encode({"event": "error", "code": "30003", "msg": "param error"}),)

    def due(self, now_ms: int) -> Sequence[Push]:
        """Tell the second that ended: of each contract the largest of either side."""
        slot = now_ms // SLOT_MS
        if slot == self._slot:
            return ()
        self._slot = slot
        rows, self._waiting = self._waiting, []
        largest: dict[tuple[str, int], SimLiquidation] = {}
        for row in sorted(rows, key=lambda each: each.size):
            largest[row.raw_symbol, row.liquidated_side] = row
        told = {row.row for row in largest.values()}
        self._withheld += [row.row for row in rows if row.row not in told]
        return self.tell([row for row in rows if row.row in told], now_ms)

    def withheld(self) -> Sequence[int]:
        """Return the rows that a larger one hid."""
        rows, self._withheld = self._withheld, []
        return rows

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:
        """Word the liquidations of each kind of contract."""
        mine = {kind: [row for row in rows if kind_of(self.specs[row.raw_symbol]) == kind] for kind in KINDS}
        return [
            Push(f"{LIQUIDATION}:{kind}", _frame(LIQUIDATION, kind, each, now_ms), tuple(row.row for row in each))
            for kind, each in mine.items()
            if each
        ]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word the ticker and the book."""
        arg = {"instType": kind_of(self.specs[raw_symbol]), "topic": TICKER, "symbol": raw_symbol}
        told = {key: plain(prices[field]) if field in prices else "" for field, key in TICKER_KEYS.items()}
        ticker = {"action": "snapshot", "arg": arg, "data": [told], "ts": now_ms}
        pushes = [Push(f"{TICKER}:{raw_symbol}", encode(ticker))]
        if ContextField.MARK in prices:
            sides = zip("ba", ladder(prices), strict=True)
            book = {key: [(plain(price), plain(size)) for price, size in side] for key, side in sides}
            data = [{**book, "ts": str(now_ms), "seq": now_ms}]
            frame = encode({**ticker, "arg": {**arg, "topic": BOOK}, "data": data})
            pushes.append(Push(f"{BOOK}:{raw_symbol}", frame))
        return pushes

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer the contracts of a category."""
        if path != INSTRUMENTS:
            return None
        kind = parse_qs(query).get("category", [""])[0].lower()
        if kind not in KINDS:
            return reply({"code": "40020", "msg": "Parameter category error", "data": None}, 400)
        rows = [_listed(spec) for spec in self.listing() if kind_of(spec) == kind]
        return reply({"code": "00000", "msg": "success", "data": rows})


def _frame(topic: str, kind: str, rows: Sequence[SimLiquidation], now_ms: int) -> str:
    data = [
        {
            "symbol": row.raw_symbol,
            "side": "buy" if row.liquidated_side == LiquidatedSide.LONG else "sell",
            "price": plain(row.price),
            "amount": plain(row.size),
            "ts": str(row.ts_event_ms),
        }
        for row in rows
    ]
    return encode({"action": "update", "arg": {"instType": kind, "topic": topic}, "data": data, "ts": now_ms})


def _listed(spec: InstrumentSpec) -> dict[str, str]:
    return {
        "symbol": spec.raw_symbol,
        "category": kind_of(spec).upper(),
        "baseCoin": spec.contract_base or spec.base,
        "quoteCoin": spec.quote,
        "type": "perpetual",
        "status": "online",
    }
