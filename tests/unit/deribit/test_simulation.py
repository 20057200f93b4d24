from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_deribit.decoder import DeribitDecoder
from foreshock_deribit.messages import TEST
from foreshock_deribit.simulation import LISTED, DeribitScript, DeribitSession
from foreshock_sdk import ContextField, Instruments, LiquidatedSide, SimContext, SimLiquidation

NOW = 1_790_000_000_000
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
HISTORY = "/api/v2/public/get_last_trades_by_currency_and_time"
BEAT = '{"jsonrpc":"2.0","id":1,"method":"public/set_heartbeat","params":{"interval":30}}'


def row(number: int, contract: str = "BTC-PERPETUAL", side: LiquidatedSide = LONG) -> SimLiquidation:
    return SimLiquidation(number, contract, side, 100.0, 2.5, NOW + number)


def opened(script: DeribitScript | None = None) -> DeribitSession:
    session = (script or DeribitScript()).session("/ws/api/v2")
    assert session is not None
    return session


def ask(session: DeribitSession, method: str, **params: Any) -> Any:
    (answer,) = session.receive(
        msgspec.json.encode({"jsonrpc": "2.0", "id": 9, "method": method, "params": params}), NOW
    )
    return msgspec.json.decode(answer)


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        """Channels that the venue does not know are left out of the answer."""
        session = opened()
        wanted = ["trades.future.BTC.100ms", "trades.future.XYZ.100ms", {}, "ticker.ETH-PERPETUAL.100ms"]
        answer = ask(session, "public/subscribe", channels=wanted)
        assert (answer["id"], answer["result"]) == (9, ["trades.future.BTC.100ms", "ticker.ETH-PERPETUAL.100ms"])
        assert session.subscribed("trades.future.BTC.100ms")
        ask(session, "public/unsubscribe", channels=wanted)
        assert not session.subscribed("trades.future.BTC.100ms")

    @pytest.mark.parametrize(
        ("method", "params", "code"),
        [
            ("public/dance", {}, -32601),
            ("public/subscribe", {"channels": "all"}, -32602),
            ("public/set_heartbeat", {"interval": 9}, -32602),
            ("public/set_heartbeat", {}, -32602),
        ],
    )
    def test_wrong_requests_are_refused(self, method: str, params: dict[str, Any], code: int) -> None:
        assert ask(opened(), method, **params)["error"]["code"] == code

    @pytest.mark.parametrize("frame", ["{", "[]", '{"method":{}}', '{"method":"public/subscribe","params":[]}'])
    def test_what_is_no_request_is_refused(self, frame: str) -> None:
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer)["error"]["code"] in {-32700, -32601, -32602}

    def test_other_paths_are_refused(self) -> None:
        assert DeribitScript().session("/ws/api/v1") is None


class TestHeartbeat:
    def test_who_answers_the_test_lives(self) -> None:
        script = DeribitScript()
        session = opened(script)
        session.receive(BEAT, NOW)
        (beat,) = [push for push in script.due(NOW + 1) if session.subscribed(push.channel)]
        (reply,) = DeribitDecoder("", Instruments("deribit"), {}).feed([beat.frame]).replies
        session.receive(reply, NOW + 2)
        assert not session.overdue(NOW + 20_000)
        assert not script.due(NOW + 30_000)
        assert script.due(NOW + 30_001)

    def test_who_does_not_is_cut(self) -> None:
        script = DeribitScript()
        session, other = opened(script), opened(script)
        session.receive(BEAT, NOW)
        other.receive(TEST, NOW)
        script.due(NOW + 1)
        assert not session.overdue(NOW + 10_000)
        assert session.overdue(NOW + 10_001)
        assert not other.overdue(NOW + 10_001), "it never asked to be tested"


def test_liquidations_are_told_by_currency() -> None:
    """Every third is the maker's: its direction is the other's."""
    script = DeribitScript()
    script.due(NOW)
    script.offer([row(1), row(2, "SOL_USDC-PERPETUAL", SHORT), row(3), row(4, "BTC_USDC-25DEC26")])
    pushes = script.due(NOW)
    assert [(push.channel, push.rows) for push in pushes] == [
        ("trades.future.BTC.100ms", (1, 3)),
        ("trades.future.USDC.100ms", (2, 4)),
    ]
    found = DeribitDecoder("", Instruments("deribit", script.listing()), {}).feed([push.frame for push in pushes])
    assert list(found.liquidations.side) == [LONG, LONG, SHORT, LONG]
    assert found.missing == 0, "the trades of a contract are numbered without a hole"
    first = msgspec.json.decode(pushes[0].frame)["params"]["data"]
    assert [(each["liquidation"], each["direction"]) for each in first] == [("T", "sell"), ("M", "buy")]


def test_tickers_come_at_most_ten_a_second() -> None:
    script = DeribitScript()
    rows = [SimContext("BTC-PERPETUAL", ContextField.MARK, 8.0, NOW)]
    (push,) = script.context(rows, NOW)
    assert push.channel == "ticker.BTC-PERPETUAL.100ms"
    assert not script.context(rows, NOW + 99)
    assert script.context(rows, NOW + 100)


class TestRest:
    def test_trades_come_oldest_first_and_by_pages(self) -> None:
        script = DeribitScript()
        script.offer([row(3), row(1), row(2), row(4, "ETH-PERPETUAL")])
        script.due(NOW)
        reply = script.rest(HISTORY, f"currency=BTC&start_timestamp={NOW}&end_timestamp={NOW + 9}&count=2")
        assert reply is not None
        result = msgspec.json.decode(reply.body)["result"]
        assert ([each["trade_id"] for each in result["trades"]], result["has_more"]) == (["1", "2"], True)

    def test_other_requests(self) -> None:
        script = DeribitScript()
        refused = script.rest(HISTORY, "currency=XYZ")
        assert refused is not None
        assert refused.status == 400
        assert script.rest("/api/v2/public/get_time", "") is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LISTED),
            st.sampled_from(list(LiquidatedSide)),
            st.floats(1e-12, 1e12),
            st.floats(1e-12, 1e12),
            st.integers(0, 3000),
        ),
        max_size=40,
    )
)
def test_what_is_offered_is_what_is_decoded(offers: list[tuple[str, LiquidatedSide, float, float, int]]) -> None:
    """Nothing is withheld, and numbers and times survive the wire bit for bit."""
    script = DeribitScript()
    offered = [
        SimLiquidation(number, contract, side, price, size, NOW + at)
        for number, (contract, side, price, size, at) in enumerate(offers)
    ]
    script.offer(offered)
    pushes = script.due(NOW)
    table = Instruments("deribit", script.listing())
    found = DeribitDecoder("", table, {}).feed([push.frame for push in pushes])
    told = [offered[number] for push in pushes for number in push.rows]
    assert sorted(each.row for each in told) == list(range(len(offered)))
    got = found.liquidations
    assert not found.faults
    assert [table.specs[index].raw_symbol for index in got.instrument] == [each.raw_symbol for each in told]
    assert list(got.side) == [each.liquidated_side for each in told]
    assert (got.price, got.size) == ([each.price for each in told], [each.size for each in told])
    assert got.ts_event_ms == [each.ts_event_ms for each in told]
