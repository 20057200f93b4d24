"""A simulated HTX: gzip frames, pings in JSON, the list of contracts every minute, prices, books, history by REST."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from foreshock_htx.connector import HISTORIES, LISTS, MARKETS, NOTIFICATIONS, PRICES
from foreshock_htx.messages import BBO, CONTRACTS, DEPTH, FUNDING, INDEX, LIQUIDATIONS, MARK, channel, topic
from foreshock_htx.specs import VENUE, by_name, family_of, packaged_specs, spec_of
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
    SimSession,
    SimVenue,
)
from foreshock_sdk.simbooks import ladder
from foreshock_sdk.simvenue import Frame, by_contract, reply

PING = "ping"
PING_MS = 5000
UNANSWERED = 5
LIST_MS = 60_000
PAGE = 20
CANDLES = {ContextField.MARK: MARK, ContextField.INDEX: INDEX}
QUOTED = ("BTC-USDT-261225", "BTC261225", "ETH261225")


class HtxSession(SimSession):
    """One client. The venue pings it from the start, and cuts it when five pings brought nothing."""

    def __init__(self, venue: HtxVenue, path: str) -> None:
        super().__init__(venue, path)
        self.subscribe(PING)
        self._pings = venue.pings
        self._answered_ms = max(venue.pings, default=0)

    def receive(self, frame: Frame, now_ms: int) -> Sequence[Frame]:
        """Answer a client's frame, whatever it is: the client lives."""
        self._answered_ms = now_ms
        return super().receive(frame, now_ms)

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the venue would cut this client."""
        unanswered = sum(ping > self._answered_ms for ping in self._pings)
        return unanswered >= UNANSWERED or super().overdue(now_ms)


class HtxVenue(SimVenue):
    """The venue. pings holds when the last ones were sent."""

    venue = VENUE
    paths = tuple(f"/{path}" for path in (*NOTIFICATIONS.values(), *MARKETS.values(), PRICES))

    def __init__(self) -> None:
        unlisted = spec_of("1000SATS-USDT", 1000.0, packaged=True)
        super().__init__([*packaged_specs().specs, *(by_name(each) for each in QUOTED), unlisted])
        self.pings: deque[int] = deque(maxlen=UNANSWERED)
        self._listed_ms = -LIST_MS

    def session(self, path: str) -> SimSession | None:
        """Open a session at one of `paths`."""
        return HtxSession(self, path) if path.partition("?")[0] in self.paths else None

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[Frame]:
        """Answer a subscription of a notification topic or of a market channel; a pong is only heard."""
        if request.get("op") == "pong" or "pong" in request:
            return ()
        place = session.path.removeprefix("/")
        if place in NOTIFICATIONS.values():
            return (_packed(self._noticed(session, place, request, now_ms)),)
        asked = str(request.get("sub", request.get("unsub")))
        known = asked.split(".")[1:2]
        if not known or known[0] not in self.specs:
            words = {"err-code": "bad-request", "err-msg": f"invalid topic {asked}"}
            return (_packed({"status": "error", "ts": now_ms, "id": request.get("id"), **words}),)
        if "unsub" in request:
            session.unsubscribe(f"{place}:{asked}")
            return (_packed({"status": "ok", "ts": now_ms, "id": request.get("id"), "unsubbed": asked}),)
        session.subscribe(f"{place}:{asked}")
        return (_packed({"status": "ok", "ts": now_ms, "id": request.get("id"), "subbed": asked}),)

    @staticmethod
    def _noticed(session: SimSession, place: str, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        op, asked = request.get("op"), str(request.get("topic"))
        answered = {"op": op, "cid": request.get("cid"), "topic": asked, "ts": now_ms}
        if op not in ("sub", "unsub") or asked not in {topic(each) for each in (LIQUIDATIONS, CONTRACTS, FUNDING)}:
            return {**answered, "err-code": 2011, "err-msg": "invalid request"}
        if op == "unsub":
            session.unsubscribe(f"{place}:{asked}")
        elif not session.subscribe(f"{place}:{asked}"):
            return {**answered, "err-code": 2014, "err-msg": "Repeated subscription"}
        return {**answered, "err-code": 0}

    def refuse(self, frame: Frame) -> Sequence[Frame]:  # noqa: ARG002 - whatever it was
        """Answer what is no request."""
        return (_packed({"op": "error", "err-code": 2001, "err-msg": "invalid json"}),)

    def due(self, now_ms: int) -> Sequence[Push]:
        """Tell what happened, and ping."""
        pushes = list(super().due(now_ms))
        if not self.pings or now_ms - self.pings[-1] >= PING_MS:
            self.pings.append(now_ms)
            pushes.append(Push(PING, _packed({"op": "ping", "ts": str(now_ms)})))
        return pushes

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:
        """Word the liquidations of each contract."""
        return [
            Push(
                f"{_place(symbol)}:{topic(LIQUIDATIONS)}",
                _notice(f"public.{symbol}.{LIQUIDATIONS}", [self._order(row) for row in mine], now_ms),
                tuple(row.row for row in mine),
            )
            for symbol, mine in by_contract(rows).items()
        ]

    def _order(self, row: SimLiquidation) -> dict[str, Any]:
        spec = self.specs[row.raw_symbol]
        units = row.size * spec.contract_value
        amount = units / row.price if spec.inverse else units
        turnover = {} if spec.inverse else {"trade_turnover": amount * row.price}
        return {
            "symbol": spec.contract_base or spec.base,
            "contract_code": row.raw_symbol,
            "direction": "sell" if row.liquidated_side == LiquidatedSide.LONG else "buy",
            "offset": "close" if row.row % 4 else "both",
            "volume": row.size,
            "price": row.price,
            "created_at": row.ts_event_ms,
            "amount": amount,
            **turnover,
        }

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Tell the list of contracts once a minute, and the prices that changed."""
        pushes = []
        if now_ms - self._listed_ms >= LIST_MS:
            self._listed_ms = now_ms
            pushes = [push for place in NOTIFICATIONS.values() for push in self._list(place, "snapshot", now_ms)]
        return [*pushes, *super().context(rows, now_ms)]

    def _list(self, place: str, event: str, now_ms: int) -> Iterator[Push]:
        rows = [_listed(spec) for spec in self.listing() if _place(spec.raw_symbol) == place]
        yield Push(f"{place}:{topic(CONTRACTS)}", _notice(topic(CONTRACTS), rows, now_ms, event=event))

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:
        """Return the list of contracts to who subscribes it."""
        place, _, asked = channel.partition(":")
        return tuple(self._list(place, "init", now_ms)) if asked == topic(CONTRACTS) else ()

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word prices, funding and book of a perpetual."""
        family = family_of(raw_symbol)
        if family not in MARKETS or self.specs[raw_symbol].expiry:
            return ()
        pushes = [
            _tick(PRICES, channel(raw_symbol, what), {"id": now_ms // 1000, "close": str(prices[field])}, now_ms)
            for field, what in CANDLES.items()
            if field in prices
        ]
        if ContextField.FUNDING in prices:
            row = {"contract_code": raw_symbol, "funding_rate": str(prices[ContextField.FUNDING])}
            frame = _notice(f"public.{raw_symbol}.{FUNDING}", [row], now_ms)
            pushes.append(Push(f"{_place(raw_symbol)}:{topic(FUNDING)}", frame))
        if ContextField.MARK in prices:
            bids, asks = ladder(prices)
            place, best, depth = MARKETS[family], {"bid": bids[0], "ask": asks[0]}, {"bids": bids, "asks": asks}
            pushes += [
                _tick(place, channel(raw_symbol, BBO), {**best, "ts": now_ms}, now_ms),
                _tick(place, channel(raw_symbol, DEPTH), {**depth, "ts": now_ms}, now_ms),
            ]
        return pushes

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer the contracts and the history of a family."""
        for family, address in LISTS.items():
            if path == "/" + address.partition("?")[0]:
                specs = [spec for spec in self.listing() if family_of(spec.raw_symbol) == family]
                return reply({"status": "ok", "data": [_listed(spec) for spec in specs]})
        for family, address in HISTORIES.items():
            if path == "/" + address.partition("?")[0]:
                return self._past(family, {key: values[0] for key, values in parse_qs(query).items()})
        return None

    def _past(self, family: str, asked: dict[str, str]) -> RestReply:
        since, until = int(asked["start_time"]), int(asked["end_time"])
        if until - since > 7_200_000:  # noqa: PLR2004 - the documented limit
            return reply({"code": 1067, "msg": "The query window is too large.", "data": None})
        rows = [
            {"query_id": number, **self._order(row)}
            for number, row in enumerate(self.history, 1)
            if family_of(row.raw_symbol) == family and since <= row.ts_event_ms <= until
        ]
        key, since_id = "contract_code" if "contract" in asked else "symbol", int(asked.get("from_id", "0"))
        mine = [row for row in rows if row[key] == asked.get("contract", asked.get("symbol"))]
        return reply({"code": 200, "msg": "", "data": [row for row in mine if row["query_id"] > since_id][:PAGE]})


def _place(raw_symbol: str) -> str:
    return NOTIFICATIONS[family_of(raw_symbol)]


def _packed(value: Any) -> bytes:
    return gzip.compress(msgspec.json.encode(value), 1, mtime=0)


def _notice(name: str, rows: Sequence[Any], now_ms: int, **more: str) -> bytes:
    return _packed({"op": "notify", "topic": name, "ts": now_ms, **more, "data": rows})


def _tick(place: str, name: str, tick: dict[str, Any], now_ms: int) -> Push:
    return Push(f"{place}:{name}", _packed({"ch": name, "ts": now_ms, "tick": tick}))


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    return {
        "symbol": spec.contract_base or spec.base,
        "contract_code": spec.raw_symbol,
        "contract_size": spec.contract_value,
        "delivery_date": f"20{spec.expiry}" if spec.expiry else "",
        "contract_status": 1,
    }
