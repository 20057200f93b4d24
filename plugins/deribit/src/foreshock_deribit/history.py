"""Deribit's history of trades, which fills a gap of up to 24 h: one list a currency, oldest first.

Source: documentation, "public/get_last_trades_by_currency_and_time", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_deribit.specs import by_name
from foreshock_deribit.trades import liquidations
from foreshock_sdk import Decoded, EventFlag, Fault, FrameError, Instruments, RestRequest, Span
from foreshock_sdk.reading import UNREADABLE, Millis, SpellingIndex

PATH = "/api/v2/public/get_last_trades_by_currency_and_time"
PAGE = 1000
"""The most the venue gives at once."""
PAGE_MARK = "+"


class _Result(msgspec.Struct):
    trades: list[Any]
    has_more: bool


class _Answer(msgspec.Struct):
    result: _Result


class _Stamp(msgspec.Struct):
    timestamp: Millis


def requests(currencies: tuple[str, ...], span: Span, rest: str) -> Iterator[RestRequest]:
    """Yield the first request of each currency."""
    for currency in currencies:
        time = f"start_timestamp={span.from_ms}&end_timestamp={span.to_ms}"
        query = f"currency={currency}&kind=future&{time}&count={PAGE}&sorting=asc"
        yield RestRequest(name=f"trades-{currency}", url=f"{rest}{PATH}?{query}")


def following(request: RestRequest, body: bytes) -> RestRequest | None:
    """Return the request for what came after a page, None on the last, and when a page says nothing new.

    It begins at the last time told, so that rows come twice rather than never; they are known by their id.
    """
    result = _read(body).result
    if not (result.has_more and result.trades):
        return None
    start = parse_qs(urlsplit(request.url).query)["start_timestamp"][0]
    last = msgspec.convert(result.trades[-1], _Stamp).timestamp
    if last <= int(start):
        return None
    url = request.url.replace(f"start_timestamp={start}&", f"start_timestamp={last}&")
    return RestRequest(name=request.name + PAGE_MARK, url=url)


def read(body: bytes, instruments: Instruments) -> Decoded:
    """Read a page. Raises FrameError when it is no list of trades."""
    out, index = Decoded(), SpellingIndex(instruments, by_name)
    for place, value in enumerate(_read(body).result.trades):
        try:
            rows = liquidations(value, index, EventFlag.BACKFILLED)
        except UNREADABLE as error:
            out.faults.append(Fault(0, place, str(error)))
            continue
        for row in rows:
            out.liquidations.append(0, row)
    return out


def _read(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"trades: {error}") from error
