"""Hyperliquid's perpetuals: by their names, from the packaged table, from `meta`.

Sizes are coins of the venue's spelling, so a name says all: `kPEPE` counts thousands of PEPE, `xyz:SP500` is SP500 at
the builder's exchange (HIP-3) `xyz`. Prices are USD: the venue settles in USDC, and in other dollar coins at such
exchanges (which ones is not verified). Source: API documentation, "Info endpoint / Perpetuals", checked 2026-11-20.
"""

from __future__ import annotations

import re

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable

VENUE = "hyperliquid"
CHECKED = "2026-11-20"
NAME = re.compile(r"(?:(?P<dex>[a-z0-9]+):)?(?P<thousands>k(?=[A-Z]))?(?P<coin>[A-Z0-9][A-Za-z0-9._-]*)")
THOUSAND = 1000.0

PACKAGED = (
    *("BTC", "ETH", "SOL", "XRP", "DOGE", "HYPE", "BNB", "ADA", "AVAX", "LINK", "LTC", "DOT", "UNI", "ATOM", "TRX"),
    *("NEAR", "BCH", "SUI", "APT", "ARB", "OP", "kPEPE", "kSHIB", "kBONK", "kLUNC", "kFLOKI", "kNEIRO", "kDOGS"),
)
CERTAIN = frozenset({"BTC", "ETH", "SOL", "XRP", "DOGE"})
"""The packaged names that are subscribed before the venue has told its own: a wrong one would close the socket."""


def by_name(raw_symbol: str) -> InstrumentSpec:
    """Read a perpetual from its name. Raises FrameError for spot pairs (`@107`, `PURR/USDC`) and all else."""
    name = NAME.fullmatch(raw_symbol)
    if name is None:
        raise FrameError(f"{raw_symbol!r} is not a perpetual's name")
    plain = name["coin"] == raw_symbol
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=name["coin"],
        quote="USD",
        multiplier=THOUSAND if name["thousands"] else 1.0,
        contract_base="" if plain else raw_symbol,
        packaged=True,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer."""
    return SpecTable(CHECKED, tuple(by_name(each) for each in PACKAGED))


class _Perpetual(msgspec.Struct, rename="camel"):
    name: str
    is_delisted: bool | None = None


class _Meta(msgspec.Struct):
    universe: list[_Perpetual]


def parse_meta(body: bytes, dex: str = "") -> list[InstrumentSpec]:
    """Read an answer of `meta`, of a builder's exchange when one is named. Raises FrameError.

    A name that follows no rule is left out, and so is what is delisted: to subscribe it would close the socket.
    """
    try:
        universe = msgspec.json.decode(body, type=_Meta).universe
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"meta: {error}") from error
    names = [
        each.name if ":" in each.name or not dex else f"{dex}:{each.name}" for each in universe if not each.is_delisted
    ]
    return [msgspec.structs.replace(by_name(name), packaged=False) for name in names if NAME.fullmatch(name)]
