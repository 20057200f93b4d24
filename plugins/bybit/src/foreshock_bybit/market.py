"""Tickers and books of Bybit: what they say, in coins.

Sizes and open interest of inverse contracts are USD (openInterest / openInterestValue is the mark price in the venue's
own answers), those of linear ones coins. Source: v5 documentation, "Ticker", "Get Tickers", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator

from foreshock_bybit.messages import BookPush, Ticker
from foreshock_sdk import ContextField, InstrumentSpec
from foreshock_sdk.book import LevelBooks

PRICED_BY = {
    ContextField.OPEN_INTEREST: ContextField.MARK,
    ContextField.BID_QUANTITY: ContextField.BID,
    ContextField.ASK_QUANTITY: ContextField.ASK,
}
"""At which price USD become coins."""


class Tickers:
    """The tickers of one connection. It remembers prices of inverse contracts: a delta may lack them."""

    def __init__(self) -> None:
        self._prices: dict[str, dict[ContextField, float]] = {}

    def told(self, ticker: Ticker, spec: InstrumentSpec) -> list[tuple[ContextField, float]]:
        """Return what a message says, field by field; amounts without a price to turn them into coins are left out."""
        fields = list(_numbers(ticker))
        if not spec.usd_sized:
            return fields
        prices = self._prices.setdefault(ticker.symbol, {})
        prices.update(fields)
        return [
            (field, spec.coins(value, prices[PRICED_BY[field]]) if field in PRICED_BY else value)
            for field, value in fields
            if PRICED_BY.get(field, field) in prices
        ]


def _numbers(ticker: Ticker) -> Iterator[tuple[ContextField, float]]:
    interest = ticker.single_open_interest
    if not isinstance(interest, float) and isinstance(ticker.open_interest, float):
        interest = ticker.open_interest / 2
    fields = (
        (ContextField.MARK, ticker.mark_price),
        (ContextField.INDEX, ticker.index_price),
        (ContextField.FUNDING, ticker.funding_rate),
        (ContextField.OPEN_INTEREST, interest),
        (ContextField.BID, ticker.bid),
        (ContextField.ASK, ticker.ask),
        (ContextField.BID_QUANTITY, ticker.bid_size),
        (ContextField.ASK_QUANTITY, ticker.ask_size),
    )
    return ((field, value) for field, value in fields if isinstance(value, float))


def take_book(books: LevelBooks, number: int, instrument: int, push: BookPush) -> bool:
    """Change a book, or begin it anew: at a snapshot, or when the service restarted. Tell whether there was one."""
    sides = push.data
    if push.type == "snapshot" or sides.u == 1:
        books.snapshot(number, instrument, sides.b, sides.a, push.ts)
        return True
    return books.change(number, instrument, sides.b, sides.a, push.ts)
