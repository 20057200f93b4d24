"""Contracts: what one unit of a venue's size is worth, and what the contract is called everywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

Number = TypeVar("Number", float, Any)

USD_LIKE = frozenset({"USD", "USDT", "USDC", "USD1"})


class InstrumentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One contract.

    contract_value  base coins (linear) or USD (inverse, or quote_sized) that a size of 1 stands for
    multiplier      base coins in one coin of the venue's spelling: 1000 for 1000PEPEUSDT, else 1
    expiry          YYMMDD of a dated contract, "" for a perpetual
    packaged        True when it comes from the table in the package, not from the venue
    quote_sized     True when the venue tells sizes of this linear contract in its quote coin
    identity_ms     how finely an event's time tells it from others: 1000 where the venue's history has whole seconds
    """

    venue: str
    raw_symbol: str
    base: str
    quote: str
    contract_value: float = 1.0
    inverse: bool = False
    multiplier: float = 1.0
    expiry: str = ""
    contract_base: str = ""
    """The base as the contract spells it (1000PEPE), when it differs from `base`."""
    packaged: bool = False
    quote_sized: bool = False
    identity_ms: int = 1

    @property
    def usd_sized(self) -> bool:
        """Whether a size counts USD: of inverse contracts always."""
        return self.inverse or self.quote_sized

    @property
    def symbol(self) -> str:
        """The underlying market: BASE + USDT for every USD-like quote."""
        return self.base + ("USDT" if self.quote in USD_LIKE else self.quote)

    @property
    def instrument(self) -> str:
        """The contract's name: `BTCUSDT-PERP.BINANCE`, `BTCUSD-261225.OKX`."""
        return f"{self.contract_base or self.base}{self.quote}-{self.expiry or 'PERP'}.{self.venue.upper()}"

    def coins(self, size: float, price: float) -> float:
        """Return how many coins of the venue's spelling a size is, as `RawContext` holds it; price matters for USD."""
        units = size * self.contract_value
        return units / price if self.usd_sized else units


def convert(  # noqa: PLR0917 - one formula's variables
    price: Number, size: Number, contract_value: Number, usd_sized: Number, multiplier: Number
) -> tuple[Number, Number, Number]:
    """Convert a venue's price and size to (price, quantity, notional_usd) of the base coin.

    Works on floats and, element by element, on arrays of one shape; usd_sized is 1 or 0. Exact for sizes in coins:
    no division and multiplication by the same price.
    Source: facts on units of each venue, checked 2026-11-20 (linear: size x value coins; inverse: size x value USD).
    """
    coin_sized = 1 - usd_sized
    units = size * contract_value
    quantity = units * (coin_sized + usd_sized / price) * multiplier
    notional = units * (usd_sized + coin_sized * price)
    return price / multiplier, quantity, notional


class Instruments:
    """The contracts of one venue: a table that grows, indices never change. Shared by its decoders."""

    def __init__(self, venue: str, specs: Iterable[InstrumentSpec] = ()) -> None:
        self.venue = venue
        self.specs: list[InstrumentSpec] = []
        self.version = 0
        """Grows when a row is added or replaced, so that a host knows when to rebuild its arrays."""
        self._index: dict[str, int] = {}
        for spec in specs:
            self.put(spec)

    def __len__(self) -> int:
        return len(self.specs)

    def put(self, spec: InstrumentSpec) -> int:
        """Add a contract, or replace it in place; answer its index."""
        self.version += 1
        index = self._index.get(spec.raw_symbol)
        if index is None:
            index = self._index[spec.raw_symbol] = len(self.specs)
            self.specs.append(spec)
        else:
            self.specs[index] = spec
        return index

    def find(self, raw_symbol: str) -> int | None:
        """Return the index of a contract by the venue's spelling."""
        return self._index.get(raw_symbol)

    def of_symbols(self, symbols: Sequence[str]) -> list[InstrumentSpec]:
        """Return the contracts of these underlying markets, in table order; of all when none are named."""
        wanted = frozenset(symbols)
        return [spec for spec in self.specs if not wanted or spec.symbol in wanted]
