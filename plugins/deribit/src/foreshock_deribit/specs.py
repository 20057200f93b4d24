"""Deribit's futures and perpetuals: from public/get_instruments, or by the rules of their names.

    BTC-PERPETUAL        BTC-25DEC26         inverse: amounts in USD
    SOL_USDC-PERPETUAL   BTC_USDC-25DEC26    linear: amounts in coins

A trade's `amount` needs no contract size. Source: documentation, "Naming" and "public/get_instruments", checked
2026-11-20.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.reading import Millis

VENUE = "deribit"
CHECKED = "2026-11-20"
NAME = re.compile(
    r"(?P<base>[A-Z0-9]+)(?:_(?P<quote>[A-Z]+))?-(?:PERPETUAL|(?P<day>\d{1,2})(?P<month>[A-Z]{3})(?P<year>\d\d))"
)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
USD = "USD"
PERPETUAL = "perpetual"
LINEAR = (
    *("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "AVAX", "BNB", "DOT", "LINK", "LTC", "NEAR", "TRX", "UNI", "BCH"),
    *("ALGO", "PAXG"),
)
PACKAGED = ("BTC-PERPETUAL", "ETH-PERPETUAL", *(f"{coin}_USDC-PERPETUAL" for coin in LINEAR))


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name. Raises FrameError when it is none of these."""
    name = NAME.fullmatch(raw_symbol)
    if name is None or (name["month"] is not None and name["month"] not in MONTHS):
        raise FrameError(f"{raw_symbol} is not the name of a future")
    expiry = f"{name['year']}{MONTHS.index(name['month']) + 1:02}{int(name['day']):02}" if name["month"] else ""
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=name["base"],
        quote=name["quote"] or USD,
        inverse=name["quote"] is None,
        expiry=expiry,
        packaged=True,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer: the perpetuals; dated ones are read as they come."""
    return SpecTable(CHECKED, tuple(by_name(name) for name in PACKAGED))


class _Instrument(msgspec.Struct):
    instrument_name: str
    kind: Literal["future"]
    instrument_type: Literal["reversed", "linear"]
    base_currency: str
    quote_currency: str
    settlement_period: str
    expiration_timestamp: int


class _Answer(msgspec.Struct):
    result: list[Any]


def parse_instruments(body: bytes) -> list[InstrumentSpec]:
    """Read an answer of get_instruments. Raises FrameError, also when the venue answers with an error.

    Options, combinations and spot pairs are left out.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"get_instruments: {error}") from error
    return [spec for row in answer.result if (spec := _listed(row)) is not None]


def _listed(row: Any) -> InstrumentSpec | None:
    try:
        each = msgspec.convert(row, _Instrument)
        expiry = "" if each.settlement_period == PERPETUAL else _day(each.expiration_timestamp)
    except msgspec.ValidationError:
        return None
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=each.instrument_name,
        base=each.base_currency,
        quote=each.quote_currency,
        inverse=each.instrument_type == "reversed",
        expiry=expiry,
    )


def _day(milliseconds: int) -> str:
    moment = msgspec.convert(milliseconds, Millis) / 1000
    return datetime.fromtimestamp(moment, UTC).strftime("%y%m%d")
