"""HTX's contracts: from REST, from pushes, from a row itself, or from the packaged table of contract values.

A size is a number of contracts, worth contract_size coins (linear) or USD (coin-margined). Linear rows tell the coins
too (amount), so a linear contract that no list knows is learned from its first row. Coin-margined contracts are worth
100 USD for BTC and 10 USD for every other coin. Source: HTX OpenAPI, "Query Contract Info", checked 2026-11-20; the
packaged linear values are of 2022-02, some checked in 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from foreshock_htx.messages import Contract
from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import named_spec

VENUE = "htx"
CHECKED = "2026-11-20"
LINEAR = re.compile(r"(?P<base>[^-]+)-(?P<quote>USDT|USDC|HUSD)(?:-(?P<expiry>\d{6}))?")
COIN_SWAP = re.compile(r"(?P<base>[^-]+)-(?P<quote>USD)(?P<expiry>)")
COIN_FUTURE = re.compile(r"(?P<base>[^-]+?)(?P<quote>)(?P<expiry>\d{6})")
BTC_CONTRACT_USD = 100.0
COIN_CONTRACT_USD = 10.0
BY_VALUE: Mapping[float, str] = {
    0.001: "BTC",
    0.01: "ETH BCH",
    0.1: "LINK LTC BNB",
    1.0: "SOL AVAX DOT UNI",
    10.0: "XRP ADA",
    100.0: "DOGE TRX",
    1000.0: "SHIB",
}
VALUES = {base: value for value, bases in BY_VALUE.items() for base in bases.split()}
"""Coins that a contract in USDT stands for, by base."""
COIN_MARGINED = ("BTC", "ETH", "XRP", "LTC", "BCH", "LINK", "DOT", "ADA", "DOGE", "TRX")
FAMILIES = ("linear-swap", "swap", "futures")
"""USDT-margined contracts (perpetual and dated), coin-margined perpetuals, coin-margined dated ones."""


def family_of(raw_symbol: str) -> str:
    """Return the family of a contract by the shape of its name. Raises FrameError for a name that follows no rule."""
    for family, shape in zip(FAMILIES, (LINEAR, COIN_SWAP, COIN_FUTURE), strict=True):
        if shape.fullmatch(raw_symbol):
            return family
    raise FrameError(f"contract {raw_symbol!r:.60} is unknown and its name follows no rule")


def spec_of(raw_symbol: str, value: float, *, packaged: bool) -> InstrumentSpec:
    """Return a contract worth so many coins or USD. Raises FrameError for a name that follows no rule."""
    inverse = family_of(raw_symbol) != "linear-swap"
    name = LINEAR.fullmatch(raw_symbol) or COIN_SWAP.fullmatch(raw_symbol) or COIN_FUTURE.fullmatch(raw_symbol)
    told = name.groupdict() if name else {}
    more: dict[str, Any] = {"contract_value": value, "inverse": inverse, "packaged": packaged}
    return named_spec(VENUE, raw_symbol, told["base"], told["quote"] or "USD", expiry=told["expiry"] or "", **more)


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a contract from its name and the packaged table. Raises FrameError when that lacks its value."""
    family, base = family_of(raw_symbol), re.split(r"-|\d{6}$", raw_symbol)[0]
    if family != "linear-swap":
        return spec_of(raw_symbol, BTC_CONTRACT_USD if base == "BTC" else COIN_CONTRACT_USD, packaged=True)
    if base not in VALUES:
        raise FrameError(f"contract value of {raw_symbol} is unknown")
    return spec_of(raw_symbol, VALUES[base], packaged=True)


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer: the perpetuals; dated ones are read as they come."""
    names = [f"{base}-USDT" for base in VALUES] + [f"{base}-USD" for base in COIN_MARGINED]
    return SpecTable(CHECKED, tuple(by_name(each) for each in names))


class _Answer(msgspec.Struct, rename={"code": "err_code", "words": "err_msg"}):
    status: str = ""
    data: list[Any] = []
    code: Any = ""
    words: Any = ""


def parse_contracts(body: bytes) -> list[InstrumentSpec]:
    """Read a list of contracts; rows that make no sense are left out. Raises FrameError."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"contract info: {error}") from error
    if answer.status != "ok":
        raise FrameError(f"contract info: status {answer.status!r:.20} {answer.code} {answer.words}")
    return [spec for row in answer.data if (spec := listed(row)) is not None]


def listed(row: Any) -> InstrumentSpec | None:
    """Read one row of a list of contracts, None when it makes no sense."""
    try:
        each = msgspec.convert(row, Contract, strict=False)
        return spec_of(each.contract_code, each.contract_size, packaged=False)
    except (msgspec.ValidationError, FrameError):
        return None
