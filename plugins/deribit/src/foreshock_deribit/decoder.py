"""Frames of Deribit's websocket to columns: JSON-RPC notifications and answers.

Liquidations are trades with a flag (recorded 2020-03-13):

    {"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.raw","data":[{"trade_seq":40782080,
     "trade_id":"66460626","timestamp":1584058067675,"tick_direction":3,"price":4458.5,"liquidation":"M",
     "instrument_name":"BTC-PERPETUAL","index_price":4793.6,"direction":"buy","amount":2500}]}}

`trades` reads them. trade_seq numbers all trades of a contract: numbers that never came on this connection are counted
in `Decoded.missing`; they are no fault of the frame that shows it. Source: documentation, "JSON-RPC over websocket" and
"Subscriptions", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from foreshock_deribit.messages import TEST, Book, Ticker
from foreshock_deribit.specs import by_name
from foreshock_deribit.trades import liquidations
from foreshock_sdk import ContextField, Control, ControlKind, Decoded, Fault, FrameDecoder, FrameError, Instruments
from foreshock_sdk.decoding import list_of
from foreshock_sdk.reading import LARGEST, UNREADABLE

FARTHEST_JUMP = 100_000
"""A number that jumps by more is a new numbering."""
SILENT = (
    *("quote.", "book.", "deribit_price_index.", "deribit_price_ranking.", "deribit_volatility_index.", "perpetual."),
    *("estimated_expiration_price.", "markprice.options.", "instrument.state.", "incremental_ticker.", "chart.trades."),
    *("announcements", "platform_state", "block_", "user.", "trades.option.", "trades.spot."),
)


class DeribitDecoder(FrameDecoder):
    """Decoder of one connection. asked: the channels of each subscribing request, by its id."""

    def __init__(self, canary: str, instruments: Instruments, asked: Mapping[int, frozenset[str]]) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary
        self._instruments = instruments
        self._asked = asked
        self._sequence: dict[str, int] = {}
        self._deep: set[int] = set()
        """Contracts with a book: of theirs the ticker's top is older news."""

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame: a notification, or the answer to a request."""
        method = value.get("method") if isinstance(value, dict) else None
        if method == "subscription":
            self._notice(number, value.get("params"), out)
        elif method == "heartbeat":
            _beat(value, out)
        elif isinstance(value, dict) and "error" in value:
            out.controls.append(_refusal(number, value["error"]))
        elif isinstance(value, dict) and "result" in value:
            self._result(number, value, out)
        elif isinstance(method, str) and method.startswith(("public/", "private/")):
            out.ignored += 1  # a client's request, in a recording
        else:
            raise FrameError("neither a notification nor an answer")

    def _notice(self, number: int, params: Any, out: Decoded) -> None:
        channel = params.get("channel") if isinstance(params, dict) else None
        if not isinstance(channel, str):
            raise FrameError("a notification without a channel")
        if channel.startswith("ticker."):
            self._ticker(number, channel, params.get("data"), out)
        elif channel.startswith("book.") and ".none." in channel:
            self._book(number, params.get("data"), out)
        elif channel.startswith(SILENT):
            out.ignored += 1
        elif channel.startswith("trades."):
            self._trades(number, list_of(params, "data"), out)
        else:
            raise FrameError(f"unknown channel {channel!r:.60}")

    def _trades(self, number: int, trades: list[Any], out: Decoded) -> None:
        for place, value in enumerate(trades):
            try:
                rows = liquidations(value, self.index)
            except UNREADABLE as error:
                out.faults.append(Fault(number, place, str(error)))
                continue
            out.missing += self._jumped(value)
            for row in rows:
                out.liquidations.append(number, row)
                out.pushed_ms = max(out.pushed_ms, row.ts_event_ms)

    def _jumped(self, trade: dict[str, Any]) -> int:
        """Return how many trades of the contract should have come between this one and the last."""
        name, at = trade.get("instrument_name"), trade.get("trade_seq")
        if not isinstance(name, str) or type(at) is not int or self._instruments.find(name) is None:
            return 0
        missing = at - self._sequence.get(name, at - 1) - 1
        if missing >= 0:
            self._sequence[name] = at
        return missing if 0 < missing < FARTHEST_JUMP else 0

    def _ticker(self, number: int, channel: str, data: Any, out: Decoded) -> None:
        told = msgspec.convert(data, Ticker, strict=False)
        index = self.index.of(told.instrument_name)
        for field, figure in self._figures(told, index):
            out.context.append(number, index, field, figure, told.timestamp)
        bid = (told.best_bid_price, told.best_bid_amount)
        ask = (told.best_ask_price, told.best_ask_amount)
        if bid[0] and bid[1] and ask[0] and ask[1] and index not in self._deep:
            out.books.append(number, index, told.timestamp, ([(bid[0], bid[1])], [(ask[0], ask[1])]))
        out.pushed_ms = max(out.pushed_ms, told.timestamp)
        if channel == self._canary:
            out.canary = max(out.canary, told.timestamp)

    def _figures(self, told: Ticker, index: int) -> list[tuple[ContextField, float]]:
        figures = [(ContextField.MARK, told.mark_price), (ContextField.INDEX, told.index_price)]
        found = [(field, price) for field, price in figures if price]
        if told.current_funding is not None:
            found.append((ContextField.FUNDING, told.current_funding))
        if told.open_interest is not None and told.mark_price:
            coins = self._instruments.specs[index].coins(told.open_interest, told.mark_price)
            if coins >= LARGEST:
                raise FrameError("`open_interest` is out of range")
            found.append((ContextField.OPEN_INTEREST, coins))
        return found

    def _book(self, number: int, data: Any, out: Decoded) -> None:
        told = msgspec.convert(data, Book, strict=False)
        index = self.index.of(told.instrument_name)
        out.books.append(number, index, told.timestamp, (told.bids, told.asks))
        self._deep.add(index)
        out.pushed_ms = max(out.pushed_ms, told.timestamp)

    def _result(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        result, request = value["result"], value.get("id")
        if isinstance(result, dict) and "version" in result:
            out.controls.append(Control(number, ControlKind.PONG))
        elif isinstance(result, list) and all(isinstance(each, str) for each in result):
            # The venue leaves out of its answer, without a word, the channels that it does not know.
            asked = self._asked.get(request, frozenset()) if type(request) is int else frozenset()
            lacking = sorted(asked.difference(result))
            kind = ControlKind.REFUSED if lacking else ControlKind.ACK
            out.controls.append(Control(number, kind, message=", ".join(lacking)))
        elif result == "ok":
            out.controls.append(Control(number, ControlKind.ACK))
        else:
            out.ignored += 1  # an answer of REST, in a recording


def _beat(value: dict[str, Any], out: Decoded) -> None:
    params = value.get("params")
    if isinstance(params, dict) and params.get("type") == "test_request":
        out.replies.append(TEST)
    out.ignored += 1


def _refusal(number: int, error: Any) -> Control:
    told = error if isinstance(error, dict) else {}
    return Control(number, ControlKind.REFUSED, str(told.get("code", "")), str(told.get("message", error)))
