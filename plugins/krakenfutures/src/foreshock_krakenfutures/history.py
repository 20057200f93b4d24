"""Kraken Futures' history of trades, which fills a gap: one list of executions a contract, without a key.

Source: documentation, "Get public execution events", checked 2026-11-20. The documents name the types of an order that
a client may send; a liquidation's is not among them, and was seen as `Liquidation` and `PartialLiquidation`: whatever
has "liquidat" in it is taken for one. The next page's token comes in a header that a connector does not see, so pages
follow by time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_krakenfutures.decoder import SIDES
from foreshock_krakenfutures.messages import Element
from foreshock_krakenfutures.specs import by_name
from foreshock_sdk import (
    Decoded,
    EventFlag,
    Fault,
    FrameError,
    Instruments,
    PriceKind,
    RawLiquidation,
    RestRequest,
    Span,
)
from foreshock_sdk.decoding import list_of
from foreshock_sdk.identity import text_identity
from foreshock_sdk.reading import UNREADABLE, Millis, SpellingIndex

PATH = "/api/history/v3/market/"
PAGE = 1000
"""The most the venue gives at once."""
PAGE_MARK = "+"
FORCED = "liquidat"


class _Stamp(msgspec.Struct):
    timestamp: Millis


def requests(products: list[str], span: Span, rest: str) -> Iterator[RestRequest]:
    """Yield the first request of each contract, oldest first; whether the ends count is not documented: 1 ms more."""
    for product in products:
        query = f"since={span.from_ms - 1}&before={span.to_ms + 1}&sort=asc&count={PAGE}"
        yield RestRequest(name=product, url=f"{rest}{PATH}{product}/executions?{query}")


def following(request: RestRequest, body: bytes) -> RestRequest | None:
    """Return the request for what came after a full page, None after one that is not full, or says nothing new.

    It begins at the last time told, so that rows come twice rather than never; they are known by their uid.
    """
    elements = _elements(body)
    asked = parse_qs(urlsplit(request.url).query)
    if len(elements) < int(asked["count"][0]):
        return None
    last = msgspec.convert(elements[-1], _Stamp, strict=False).timestamp - 1
    if last <= int(asked["since"][0]):
        return None
    since = f"since={asked['since'][0]}&"
    return RestRequest(name=request.name + PAGE_MARK, url=request.url.replace(since, f"since={last}&"))


def read(body: bytes, instruments: Instruments, *, by_element: bool) -> Decoded:
    """Read a page. by_element: the uid of the element, not of its execution, is the one that the socket tells.

    Raises FrameError when it is no list of executions.
    """
    out, index = Decoded(), SpellingIndex(instruments, by_name)
    for place, value in enumerate(_elements(body)):
        try:
            row = _row(value, index, by_element=by_element)
        except UNREADABLE as error:
            out.faults.append(Fault(0, place, str(error)))
            continue
        if row is not None:
            out.liquidations.append(0, row)
    return out


def _row(value: Any, index: SpellingIndex, *, by_element: bool) -> RawLiquidation | None:
    element = msgspec.convert(value, Element, strict=False)
    execution = element.event.holder.execution
    order = execution.taker_order
    if FORCED not in order.kind.lower():
        return None
    first, second = text_identity(element.uid if by_element else execution.uid)
    return RawLiquidation(
        instrument=index.of(order.tradeable),
        side=SIDES[order.direction.lower()],
        price=execution.price,
        price_kind=PriceKind.AVERAGE,
        size=execution.quantity,
        ts_event_ms=execution.timestamp,
        identity_a=first,
        identity_b=second,
        flags=EventFlag.BACKFILLED,
    )


def _elements(body: bytes) -> list[Any]:
    try:
        return list_of(msgspec.json.decode(body), "elements")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"executions: {error}") from error
