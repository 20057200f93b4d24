"""A simulated OKX: the public socket with the venue's protocol.

Liquidations are told at once, several details of a contract in one frame. A new subscriber first gets the
last liquidation, however old. A client that says nothing for 30 s is cut. Source: v5 documentation,
"Connect", "Liquidation orders channel", "Public data", "Get instruments", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_okx.messages import KINDS, LIQUIDATIONS
from foreshock_okx.prices import Prices
from foreshock_okx.session import Memory, OkxSession
from foreshock_okx.specs import VENUE, by_name
from foreshock_okx.telling import family_of, kind_of, liquidations_frame
from foreshock_sdk import (
    InstrumentSpec,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
)
from foreshock_sdk.simtools import plain

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
DETAILS_A_FRAME = 20


class OkxScript:
    """The venue."""

    venue = VENUE

    def __init__(self) -> None:
        self._listing = [msgspec.structs.replace(by_name(each), packaged=False) for each in LISTED]
        self._prices = Prices(self._listing)
        self._memory = Memory(self._prices)
        self._waiting: list[SimLiquidation] = []

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts, perpetuals and futures."""
        return self._listing

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer public/instruments."""
        if path != INSTRUMENTS:
            return None
        kind = parse_qs(query).get("instType", [""])[0]
        if kind not in KINDS:
            refused = {"code": "51000", "data": [], "msg": "Parameter instType error"}
            return RestReply(400, msgspec.json.encode(refused))
        rows = [_listed(spec) for spec in self._listing if kind_of(spec.raw_symbol) == kind]
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
        kind = kind_of(rows[0].raw_symbol)
        return Push(f"{LIQUIDATIONS}:{kind}", liquidations_frame(kind, rows), tuple(row.row for row in rows))

    def withheld(self) -> Sequence[int]:
        """Return nothing: what this venue leaves out, it does not say."""
        return ()

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Return prices, funding, open interest and books, each channel at its pace."""
        return self._prices.take(rows, now_ms)


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    settle = datetime.strptime(spec.expiry, "%y%m%d").replace(hour=8, tzinfo=UTC) if spec.expiry else None
    return {
        "instId": spec.raw_symbol,
        "instType": kind_of(spec.raw_symbol),
        "instFamily": family_of(spec.raw_symbol),
        "uly": family_of(spec.raw_symbol),
        "ctType": "inverse" if spec.inverse else "linear",
        "ctVal": plain(spec.contract_value),
        "ctMult": "1",
        "ctValCcy": spec.quote if spec.inverse else spec.base,
        "settleCcy": spec.base if spec.inverse else spec.quote,
        "expTime": str(int(settle.timestamp() * 1000)) if settle else "",
        "state": "live",
    }
