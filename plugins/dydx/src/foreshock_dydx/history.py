"""dYdX v4's history of trades, which fills a gap: one list a market, newest first.

Source: indexer documentation, "Get Trades", and `indexer/services/comlink` of dydxprotocol/v4-chain (at most 1,000
trades an answer), checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from foreshock_dydx.messages import iso, millis
from foreshock_dydx.specs import by_name
from foreshock_dydx.trades import liquidation
from foreshock_sdk import Decoded, EventFlag, Fault, FrameError, Instruments, RestRequest, Span
from foreshock_sdk.decoding import list_of
from foreshock_sdk.reading import UNREADABLE, SpellingIndex

PATH = "/v4/trades/perpetualMarket/"
PAGE = 1000
PAGE_MARK = "+"


class _Stamp(msgspec.Struct):
    created_at: str = msgspec.field(name="createdAt")


def requests(markets: list[str], span: Span, rest: str) -> Iterator[RestRequest]:
    """Yield the first request of each market. Its name ends in the time back to which pages go."""
    for market in markets:
        query = f"limit={PAGE}&createdBeforeOrAt={iso(span.to_ms)}"
        yield RestRequest(name=f"{market}@{span.from_ms}", url=f"{rest}{PATH}{quote(market, safe='')}?{query}")


def following(request: RestRequest, body: bytes) -> RestRequest | None:
    """Return the request for what came before a full page, None when that is old enough, or says nothing new.

    It begins at the oldest time told, so that rows come twice rather than never; they are known by their id.
    """
    trades = _trades(body)
    asked = parse_qs(urlsplit(request.url).query)
    if len(trades) < int(asked["limit"][0]):
        return None
    last, before = millis(msgspec.convert(trades[-1], _Stamp).created_at), asked["createdBeforeOrAt"][0]
    until = int(request.name.rpartition("@")[2].rstrip(PAGE_MARK))
    if last < until or last >= millis(before):
        return None
    return RestRequest(name=request.name + PAGE_MARK, url=request.url.replace(before, iso(last)))


def read(request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
    """Read a page. Raises FrameError when it is no list of trades, or of a market without a usable name."""
    out = Decoded()
    market = unquote(urlsplit(request.url).path.rpartition("/")[2])
    instrument = SpellingIndex(instruments, by_name).of(market)
    for place, value in enumerate(_trades(body)):
        try:
            row = liquidation(value, instrument, EventFlag.BACKFILLED)
        except UNREADABLE as error:
            out.faults.append(Fault(0, place, str(error)))
            continue
        if row is not None:
            out.liquidations.append(0, row)
    return out


def _trades(body: bytes) -> list[Any]:
    try:
        return list_of(msgspec.json.decode(body), "trades")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"trades: {error}") from error
