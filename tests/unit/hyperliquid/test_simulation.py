from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_hyperliquid.decoder import HyperliquidDecoder
from foreshock_hyperliquid.simulation import HyperliquidScript
from foreshock_hyperliquid.wording import ACCOUNT
from foreshock_sdk import ContextField, EventFlag, Instruments, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000
BOOK = {"type": "l2Book", "coin": "BTC", "fast": True}
FILLS = {"type": "userFills", "user": ACCOUNT}


def opened(script: HyperliquidScript | None = None) -> SimSession:
    session = (script or HyperliquidScript()).session("/ws")
    assert session is not None
    return session


def ask(session: SimSession, method: str, what: Any) -> list[Any]:
    frames = session.receive(msgspec.json.encode({"method": method, "subscription": what}), NOW)
    return [msgspec.json.decode(frame) for frame in frames]


def row(number: int) -> SimLiquidation:
    return SimLiquidation(number, "BTC", LiquidatedSide.LONG, 100.0, 2.0, NOW + number)


def mark(value: float) -> SimContext:
    return SimContext("BTC", ContextField.MARK, value, NOW)


def decode(*frames: str | bytes) -> Any:
    return HyperliquidDecoder("l2Book:BTC", Instruments("hyperliquid")).feed(frames)


class TestLiquidations:
    def test_nobody_sees_those_of_accounts_that_nobody_follows(self) -> None:
        script = HyperliquidScript(followed=False)
        script.offer([row(1), row(2)])
        assert not script.due(NOW)
        assert list(script.withheld()) == [1, 2]
        assert not script.withheld()

    def test_who_follows_the_account_sees_each_of_its_parts(self) -> None:
        script = HyperliquidScript(followed=False)
        session = opened(script)
        ask(session, "subscribe", FILLS)
        script.offer([row(number) for number in range(3)])
        (push,) = script.due(NOW)
        assert session.subscribed(push.channel)
        assert push.rows == (0, 1, 2)
        assert list(decode(push.frame).liquidations.side) == [LiquidatedSide.LONG] * 3

    def test_the_first_frame_is_a_snapshot_of_old_fills(self) -> None:
        script = HyperliquidScript()
        script.offer([row(1)])
        script.due(NOW)
        session = opened(script)
        ask(session, "subscribe", FILLS)
        (push,) = session.greeting(NOW + 5)
        assert push.rows == ()
        assert list(decode(push.frame).liquidations.flags) == [EventFlag.SNAPSHOT]


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        answer = {"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": BOOK}}
        assert ask(session, "subscribe", BOOK) == [answer]
        assert session.subscribed("l2Book:BTC")
        (again,) = ask(session, "subscribe", BOOK)
        assert again["channel"] == "error"
        assert again["data"].startswith("Already subscribed")
        ask(session, "unsubscribe", BOOK)
        assert not session.subscribed("l2Book:BTC")

    @pytest.mark.parametrize("coin", ["btc", "NOPE", "SP500", None])
    def test_an_unknown_coin_closes_the_socket_without_a_word(self, coin: Any) -> None:
        """Trap 8: a bare name of a builder's exchange is unknown too."""
        session = opened()
        assert ask(session, "subscribe", {"type": "l2Book", "coin": coin}) == []
        assert session.overdue(NOW)

    @pytest.mark.parametrize("coin", ["BTC", "kPEPE", "xyz:SP500"])
    def test_a_known_coin_does_not(self, coin: str) -> None:
        session = opened()
        assert ask(session, "subscribe", {"type": "activeAssetCtx", "coin": coin})
        assert not session.overdue(NOW)

    @pytest.mark.parametrize(
        "frame",
        [
            *("{", "[]", '{"method":"dance"}', '{"method":"subscribe"}', b"\xff"),
            '{"method":"subscribe","subscription":{"type":"liquidations"}}',
            '{"method":"subscribe","subscription":{"type":"userFills","user":"0x12"}}',
        ],
    )
    def test_a_bad_request_is_an_error(self, frame: str | bytes) -> None:
        """`liquidations` is no subscription."""
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer)["channel"] == "error"

    def test_ten_accounts_are_the_limit(self) -> None:
        session = opened()
        answers = [ask(session, "subscribe", {"type": "userFills", "user": f"0x{number:040}"}) for number in range(11)]
        assert [answer["channel"] for (answer,) in answers] == ["subscriptionResponse"] * 10 + ["error"]

    def test_a_minute_of_silence_ends_the_socket(self) -> None:
        session = opened()
        assert session.receive('{"method":"ping"}', NOW) == ['{"channel":"pong"}']
        assert not session.overdue(NOW + 59_999)
        assert session.overdue(NOW + 60_000)

    @pytest.mark.parametrize("path", ["/", "/info", "/wss"])
    def test_other_paths_are_refused(self, path: str) -> None:
        assert HyperliquidScript().session(path) is None


class TestMarket:
    def test_books_come_twice_a_second_and_contexts_once(self) -> None:
        script = HyperliquidScript()
        times = range(NOW, NOW + 1000, 200)
        told = [push.channel for now in times for push in script.context([mark(100.0)], now)]
        assert told == ["l2Book:BTC", "activeAssetCtx:BTC", "l2Book:BTC"]

    def test_nothing_is_told_without_a_mark_price(self) -> None:
        assert not HyperliquidScript().context([SimContext("BTC", ContextField.FUNDING, 0.1, NOW)], NOW)

    def test_a_new_subscriber_is_greeted_with_what_is_known(self) -> None:
        script = HyperliquidScript()
        script.context([mark(100.0)], NOW)
        session = opened(script)
        for what in (BOOK, {"type": "activeAssetCtx", "coin": "BTC"}, {"type": "l2Book", "coin": "ETH"}):
            ask(session, "subscribe", what)
        frames = [push.frame for push in session.greeting(NOW + 7)]
        assert len(frames) == 2
        found = decode(*frames)
        assert (found.canary, found.context.value[0], len(found.books.bids[0])) == (NOW + 7, 100.0, 5)


class TestRest:
    def post(self, body: bytes, path: str = "/info") -> tuple[int, Any]:
        reply = HyperliquidScript().rest(path, "", body)
        assert reply is not None
        return reply.status, msgspec.json.decode(reply.body)

    def test_the_builders_exchange_has_a_list_of_its_own(self) -> None:
        status, answer = self.post(b'{"type":"meta","dex":"xyz"}')
        assert (status, [row["name"] for row in answer["universe"]]) == (200, ["xyz:SP500", "xyz:NVDA"])

    def test_fills_of_others_are_none(self) -> None:
        assert self.post(b'{"type":"userFillsByTime","user":"0x1","startTime":0}') == (200, [])

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"type":"liquidations"}'])
    def test_what_is_no_request_is_422(self, body: bytes) -> None:
        assert self.post(body)[0] == 422

    def test_other_paths_are_unknown(self) -> None:
        assert HyperliquidScript().rest("/exchange", "", b"{}") is None
