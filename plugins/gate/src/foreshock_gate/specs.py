"""Gate's contracts: from REST, or from the packaged table of contract values.

A size is a number of contracts, worth quanto_multiplier coins, or 1 USD on the inverse ones that settle in BTC. That
value is in no name, so it is never guessed. A quanto contract (settled in a coin that is neither base nor quote) is
left out: its worth needs a second price. History has whole seconds, so those name an event (`identity_ms`).
Source: APIv4, "List all futures contracts", checked 2026-11-20; the packaged values are of 2023-05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import named_spec
from foreshock_sdk.reading import NonNegative

VENUE = "gate"
CHECKED = "2026-11-20"
WHOLE_SECONDS = 1000
NAME = re.compile(r"(?P<base>.+)_(?P<quote>USDT|USD1|USD)(?:_20(?P<expiry>\d{6}))?")
BY_VALUE: Mapping[float, str] = {
    0.0001: "BTC",
    0.001: "BNB",
    0.01: "ETH BCH FIL",
    0.1: "LTC APT ETC TON",
    1.0: "SOL AVAX LINK DOT UNI ATOM NEAR SUI ARB OP",
    10.0: "XRP DOGE ADA XLM",
    100.0: "TRX",
    10_000.0: "SHIB",
    10_000_000.0: "PEPE",
}
VALUES = {base: value for value, bases in BY_VALUE.items() for base in bases.split()}
"""Coins that a contract in USDT stands for, by base. Seen 2023-05; the venue changes them by notice."""
INVERSE = ("BTC",)
"""Bases whose contract in USD is inverse and worth 1 USD; the others in USD are quanto, or were."""


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name and the packaged table. Raises FrameError when that lacks its value."""
    name = NAME.fullmatch(raw_symbol)
    if name is not None and name["quote"] == "USD" and name["base"] in INVERSE:
        return _spec(raw_symbol, name, 1.0, packaged=True)
    value = VALUES.get(name["base"]) if name is not None and name["quote"] == "USDT" else None
    if name is None or value is None:
        raise FrameError(f"contract value of {raw_symbol} is unknown")
    return _spec(raw_symbol, name, value, packaged=True)


def _spec(raw_symbol: str, name: re.Match[str], value: float, *, packaged: bool) -> InstrumentSpec:
    more: dict[str, Any] = {"inverse": name["quote"] == "USD", "expiry": name["expiry"] or ""}
    more |= {"contract_value": value, "packaged": packaged, "identity_ms": WHOLE_SECONDS}
    return named_spec(VENUE, raw_symbol, name["base"], name["quote"], **more)


def settle_of(spec: InstrumentSpec) -> str:
    """Return the coin that a contract settles in, as addresses spell it."""
    return "btc" if spec.inverse else spec.quote.lower()


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer."""
    names = [f"{base}_USDT" for base in VALUES] + [f"{base}_USD" for base in INVERSE]
    return SpecTable(CHECKED, tuple(by_name(each) for each in names))


class _Contract(msgspec.Struct):
    name: str
    type: str
    quanto_multiplier: NonNegative


def contract_rows(body: bytes) -> list[Any]:
    """Return the rows of one page. Raises FrameError, also when the venue answers with an error."""
    try:
        return msgspec.json.decode(body, type=list[Any])
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"contracts: {body[:100]!r}: {error}") from error


def parse_contracts(body: bytes) -> list[InstrumentSpec]:
    """Read the contracts of one page; those whose worth is unclear are left out. Raises FrameError."""
    return [spec for row in contract_rows(body) if (spec := _listed(row)) is not None]


def _listed(row: Any) -> InstrumentSpec | None:
    try:
        each = msgspec.convert(row, _Contract, strict=False)
    except msgspec.ValidationError:
        return None
    name, inverse = NAME.fullmatch(each.name), each.type == "inverse"
    if name is None or inverse != (name["quote"] == "USD"):
        return None
    value = each.quanto_multiplier or float(inverse)
    return _spec(each.name, name, value, packaged=False) if value else None
