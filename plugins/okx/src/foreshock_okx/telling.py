"""How the simulated OKX words its liquidations."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from foreshock_okx.messages import LIQUIDATIONS
from foreshock_sdk import LiquidatedSide, SimLiquidation
from foreshock_sdk.simtools import plain

ACCOUNTS = 4
"""One in so many trades in one-way mode: its rows say posSide net."""


def kind_of(contract: str) -> str:
    """Return the instType of a contract."""
    return "SWAP" if contract.endswith("-SWAP") else "FUTURES"


def family_of(contract: str) -> str:
    """Return the instrument family of a contract."""
    return contract.rpartition("-")[0]


def liquidations_frame(kind: str, rows: Sequence[SimLiquidation]) -> str:
    """Return the frame for liquidations of one contract."""
    contract = rows[0].raw_symbol
    item = {
        "details": [_detail(row) for row in rows],
        "instFamily": family_of(contract),
        "instId": contract,
        "instType": kind,
        "uly": family_of(contract),
    }
    return msgspec.json.encode({"arg": {"channel": LIQUIDATIONS, "instType": kind}, "data": [item]}).decode()


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
