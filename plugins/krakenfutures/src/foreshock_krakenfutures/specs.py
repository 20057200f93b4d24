"""Kraken Futures' contracts: from `instruments`, or by the rules of their names.

    PF_XBTUSD   FF_XBTUSD_261225   multi-collateral, perpetual and dated: linear, sizes in coins
    PI_XBTUSD   FI_XBTUSD_261225   single-collateral, perpetual and dated: inverse, sizes in USD
    PV_XRPXBT   FV_XRPXBT_261225   linear contracts quoted in XBT

XBT is BTC. Names hold all that is needed but contractSize, which is 1 for all. PF_XBTUSD and PI_XBTUSD would share a
name, so inverse contracts keep their prefix in theirs. Source: documentation, "Get instruments", checked 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import split_quote
from foreshock_sdk.reading import Positive

VENUE = "krakenfutures"
CHECKED = "2026-11-20"
NAME = re.compile(r"(?P<prefix>P[FIV]|F[FIV])_(?P<pair>[A-Za-z0-9]+)(?:_(?P<expiry>\d{6}))?")
INVERSE = ("PI", "FI")
QUOTES = ("USD", "XBT")
COINS = {"XBT": "BTC"}
LINEAR = (
    *("XBT", "ETH", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "LTC", "BCH", "DOT", "TRX", "UNI", "ATOM", "SUI"),
    *("APT", "ARB", "OP", "NEAR", "FIL", "XLM", "PEPE", "SHIB", "BONK", "WIF", "TAO", "HYPE", "1INCH"),
)
SINGLE_COLLATERAL = ("XBT", "ETH", "XRP", "LTC", "BCH")
PACKAGED = (*(f"PF_{coin}USD" for coin in LINEAR), *(f"PI_{coin}USD" for coin in SINGLE_COLLATERAL))


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name. Raises FrameError when it is not one of these."""
    name = NAME.fullmatch(raw_symbol)
    pair = split_quote(name["pair"].upper(), QUOTES) if name else None
    if name is None or pair is None or (name["prefix"][0] == "F") != (name["expiry"] is not None):
        raise FrameError(f"{raw_symbol} is not the name of a contract")
    inverse = name["prefix"] in INVERSE
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=COINS.get(pair[0], pair[0]),
        quote=COINS.get(pair[1], pair[1]),
        inverse=inverse,
        expiry=name["expiry"] or "",
        contract_base=f"{name['prefix']}_{pair[0]}" if inverse else "",
        packaged=True,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer: the main perpetuals; others are read as they come."""
    return SpecTable(CHECKED, tuple(by_name(name) for name in PACKAGED))


class _Instrument(msgspec.Struct):
    symbol: str
    tradeable: bool
    contract_size: Positive = msgspec.field(name="contractSize")


class _Answer(msgspec.Struct):
    result: str
    instruments: list[Any] = []
    error: str = ""


def parse_instruments(body: bytes) -> list[InstrumentSpec]:
    """Read an answer of `instruments`. Raises FrameError, also when the venue answers with an error.

    What is not traded (indices, contracts that ended) and names of another shape are left out.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"instruments: {error}") from error
    if answer.result != "success":
        raise FrameError(f"instruments: {answer.result} {answer.error}")
    return [spec for row in answer.instruments if (spec := _listed(row)) is not None]


def _listed(row: Any) -> InstrumentSpec | None:
    try:
        each = msgspec.convert(row, _Instrument)
        named = by_name(each.symbol)
    except (msgspec.ValidationError, FrameError):
        return None
    if not each.tradeable:
        return None
    return msgspec.structs.replace(named, contract_value=each.contract_size, packaged=False)
