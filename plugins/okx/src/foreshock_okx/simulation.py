"""A simulated OKX: the public socket with the venue's protocol.

Liquidations are told at once, several details of a contract in one frame. A new subscriber first gets the
last liquidation, however old. A client that says nothing for 30 s is cut. Source: v5 documentation,
"Connect", "Liquidation orders channel", "Get instruments", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_okx.connector import CANARY_INSTRUMENT
from foreshock_okx.decoder import KINDS, LIQUIDATIONS, MARK_PRICE
from foreshock_okx.specs import VENUE, by_name
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
)
from foreshock_sdk.simtools import Budget, plain

LISTED = (
    *("BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP", "XRP-USDT-SWAP", "DOGE-USDT-SWAP"),
    *("ADA-USDT-SWAP", "AVAX-USDT-SWAP", "LINK-USDT-SWAP", "LTC-USDT-SWAP", "DOT-USDT-SWAP"),
    *("UNI-USDT-SWAP", "ATOM-USDT-SWAP", "TRX-USDT-SWAP", "XLM-USDT-SWAP", "NEAR-USDT-SWAP"),
    *("ETC-USDT-SWAP", "BCH-USDT-SWAP", "FIL-USDT-SWAP", "SHIB-USDT-SWAP", "PEPE-USDT-SWAP"),
    *("SUSHI-USDT-SWAP", "ZIL-USDT-SWAP", "BTC-USDC-SWAP", "SOL-USDC-SWAP", "BTC-USD-SWAP", "ETH-USD-SWAP"),
    *("SOL-USD-SWAP", "XRP-USD-SWAP", "LTC-USD-SWAP", "DOGE-USD-SWAP", "BTC-USDT-261225"),
    *("ETH-USDT-261225", "BTC-USD-261225", "ETH-USD-261225", "BTC-USD-270326", "ETH-USD-270326"),
)
PATH = "/ws/v5/public"
INSTRUMENTS = "/api/v5/public/instruments"
OTHER_CHANNELS = frozenset(
    {"trades", "tickers", "bbo-tbt", "books", "books5", "funding-rate", "open-interest"}
)
IGNORED_KINDS = frozenset({"MARGIN", "OPTION"})
DETAILS_A_FRAME = 20
MARK_MS = 200
SILENCE_MS = 30_000
HOUR_MS = 3_600_000
REQUESTS_AN_HOUR = 480
STALE_MS = 600_000
STALE_PRICE = 60_000.0
CONNECTION = "a4d3ae55"
ACCOUNTS = 4
"""One in so many trades in one-way mode: its rows say posSide net."""


class Memory:
    """What a new subscriber is told first: the newest mark prices, and the last liquidation of each kind."""

    def __init__(self) -> None:
        self.marks: dict[str, Push] = {}
        self.liquidations: dict[str, Push] = {}

    def of(self, channel: str, now_ms: int) -> Push | None:
        """Return the frame for a new subscriber: with no liquidation yet, one of ten minutes ago."""
        if channel == f"{LIQUIDATIONS}:SWAP" and channel not in self.liquidations:
            row = SimLiquidation(
                -1, CANARY_INSTRUMENT, LiquidatedSide.LONG, STALE_PRICE, 1.0, now_ms - STALE_MS
            )
            return Push(channel, _liquidations("SWAP", [row]))
        return self.marks.get(channel) or self.liquidations.get(channel)


class OkxSession:
    """One client."""

    def __init__(self, memory: Memory, contracts: frozenset[str]) -> None:
        self._memory = memory
        self._contracts = contracts
        self._channels: set[str] = set()
        self._new: list[str] = []
        self._budget = Budget(REQUESTS_AN_HOUR, HOUR_MS)
        self._heard_ms: int | None = None

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str]:
        """Answer a request; ping and pong are bare text."""
        self._heard_ms = now_ms
        if frame in {"ping", b"ping"}:
            return ["pong"]
        try:
            request = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            request = None
        op = request.get("op") if isinstance(request, dict) else None
        args = request.get("args") if isinstance(request, dict) else None
        if op not in {"subscribe", "unsubscribe"} or not isinstance(args, list):
            shown = frame if isinstance(frame, str) else frame.decode(errors="replace")
            return [_error("60012", f"Invalid request: {shown:.200}")]
        self._budget.spend(now_ms)
        number = {"id": request["id"]} if "id" in request else {}
        return [_encode({**number, **self._handle(op, arg)}) for arg in args]

    def _handle(self, op: str, arg: Any) -> dict[str, Any]:
        channel = self._channel(arg)
        if channel is None:
            message = (
                "Wrong URL or channel doesn't exist. Please use the correct URL, channel and parameters."
            )
            return {"event": "error", "code": "60018", "msg": message, "connId": CONNECTION}
        if op == "unsubscribe":
            self._channels.discard(channel)
        elif channel not in self._channels:
            self._channels.add(channel)
            self._new.append(channel)
        return {"event": op, "arg": arg, "connId": CONNECTION}

    def _channel(self, arg: Any) -> str | None:
        """Return the channel's name, None when the venue has none such (the retired `liquidations`)."""
        if not isinstance(arg, dict):
            return None
        name, kind, contract = arg.get("channel"), arg.get("instType"), arg.get("instId")
        if name == LIQUIDATIONS and (kind in KINDS or kind in IGNORED_KINDS):
            return f"{LIQUIDATIONS}:{kind}"
        if (name == MARK_PRICE or name in OTHER_CHANNELS) and contract in self._contracts:
            return f"{name}:{contract}"
        return None

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client asked for the channel, `name:instType` or `name:instId`."""
        return channel in self._channels

    def greeting(self, now_ms: int) -> Sequence[Push]:
        """Return the first frames of the channels subscribed since the last call."""
        channels, self._new = self._new, []
        frames = (self._memory.of(channel, now_ms) for channel in channels)
        return [each for each in frames if each is not None]

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client said nothing for 30 s, or subscribed too often."""
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        return self._budget.exceeded or now_ms - self._heard_ms >= SILENCE_MS


class OkxScript:
    """The venue."""

    venue = VENUE

    def __init__(self) -> None:
        self._listing = [msgspec.structs.replace(by_name(each), packaged=False) for each in LISTED]
        self._memory = Memory()
        self._waiting: list[SimLiquidation] = []
        self._marked_ms: dict[str, int] = {}

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts, perpetuals and futures."""
        return self._listing

    def rest(self, path: str, query: str) -> RestReply | None:
        """Answer public/instruments."""
        if path != INSTRUMENTS:
            return None
        kind = parse_qs(query).get("instType", [""])[0]
        if kind not in KINDS:
            refused = {"code": "51000", "data": [], "msg": "Parameter instType error"}
            return RestReply(400, msgspec.json.encode(refused))
        rows = [_listed(spec) for spec in self._listing if _kind(spec.raw_symbol) == kind]
        return RestReply(200, msgspec.json.encode({"code": "0", "data": rows, "msg": ""}))

    def session(self, path: str) -> OkxSession | None:
        """Open a session at the public socket."""
        if urlsplit(path).path != PATH:
            return None
        return OkxSession(self._memory, frozenset(spec.raw_symbol for spec in self._listing))

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take liquidations as they happen."""
        self._waiting.extend(rows)

    def due(self, now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - nothing waits here
        """Return everything that happened, a frame a contract, at most 20 details each."""
        by_contract: dict[str, list[SimLiquidation]] = {}
        for row in self._waiting:
            by_contract.setdefault(row.raw_symbol, []).append(row)
        self._waiting = []
        pushes = [
            self._push(rows[start : start + DETAILS_A_FRAME])
            for rows in by_contract.values()
            for start in range(0, len(rows), DETAILS_A_FRAME)
        ]
        self._memory.liquidations.update({push.channel: push for push in pushes})
        return pushes

    def _push(self, rows: Sequence[SimLiquidation]) -> Push:
        kind = _kind(rows[0].raw_symbol)
        return Push(f"{LIQUIDATIONS}:{kind}", _liquidations(kind, rows), tuple(row.row for row in rows))

    def withheld(self) -> Sequence[int]:
        """Return nothing: what this venue leaves out, it does not say."""
        return ()

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Return mark prices, at most one a contract in 200 ms; the public socket tells nothing else here."""
        newest = {row.raw_symbol: row for row in rows if row.field is ContextField.MARK}
        pushes = [
            self._mark(row, now_ms) for row in newest.values() if self._mark_due(row.raw_symbol, now_ms)
        ]
        self._memory.marks.update({push.channel: push for push in pushes})
        return pushes

    def _mark_due(self, contract: str, now_ms: int) -> bool:
        return now_ms - self._marked_ms.get(contract, -MARK_MS) >= MARK_MS

    def _mark(self, row: SimContext, now_ms: int) -> Push:
        contract, self._marked_ms[row.raw_symbol] = row.raw_symbol, now_ms
        mark = {
            "instId": contract,
            "instType": _kind(contract),
            "markPx": plain(row.value),
            "ts": str(now_ms),
        }
        frame = {"arg": {"channel": MARK_PRICE, "instId": contract}, "data": [mark]}
        return Push(f"{MARK_PRICE}:{contract}", _encode(frame))


def _kind(contract: str) -> str:
    return "SWAP" if contract.endswith("-SWAP") else "FUTURES"


def _family(contract: str) -> str:
    return contract.rpartition("-")[0]


def _liquidations(kind: str, rows: Sequence[SimLiquidation]) -> str:
    contract = rows[0].raw_symbol
    item = {
        "details": [_detail(row) for row in rows],
        "instFamily": _family(contract),
        "instId": contract,
        "instType": kind,
        "uly": _family(contract),
    }
    return _encode({"arg": {"channel": LIQUIDATIONS, "instType": kind}, "data": [item]})


def _detail(row: SimLiquidation) -> dict[str, str]:
    long_died = row.liquidated_side == LiquidatedSide.LONG
    one_way = row.row % ACCOUNTS == 0
    return {
        "bkLoss": "0",
        "bkPx": plain(row.price),
        "ccy": "",
        "posSide": "net" if one_way else "long" if long_died else "short",
        "side": "sell" if long_died else "buy",
        "sz": plain(row.size),
        "ts": str(row.ts_event_ms),
    }


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    settle = datetime.strptime(spec.expiry, "%y%m%d").replace(hour=8, tzinfo=UTC) if spec.expiry else None
    return {
        "instId": spec.raw_symbol,
        "instType": _kind(spec.raw_symbol),
        "instFamily": _family(spec.raw_symbol),
        "uly": _family(spec.raw_symbol),
        "ctType": "inverse" if spec.inverse else "linear",
        "ctVal": plain(spec.contract_value),
        "ctMult": "1",
        "ctValCcy": spec.quote if spec.inverse else spec.base,
        "settleCcy": spec.base if spec.inverse else spec.quote,
        "expTime": str(int(settle.timestamp() * 1000)) if settle else "",
        "state": "live",
    }


def _error(code: str, message: str) -> str:
    return _encode({"event": "error", "code": code, "msg": message, "connId": CONNECTION})


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
