from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from foreshock_deribit.connector import DeribitConnector
from foreshock_deribit.specs import by_name, packaged_specs, parse_instruments
from foreshock_sdk import EventFlag, FrameError, Instruments, OptionError, Purpose, RestRequest, Span

FRAMES = Path(__file__).parent / "frames"
CONNECTOR = DeribitConnector()
NOW = 1_790_000_000_000
CANARY = "ticker.BTC-PERPETUAL.100ms"


def instruments(*names: str) -> Instruments:
    return Instruments("deribit", [by_name(name) for name in names] or packaged_specs().specs)


@pytest.mark.parametrize("name", ["", "BTC", "BTC-5XXX26", "BTC-PERP", "btc-PERPETUAL", "BTC-25DEC26-90000-C"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(FrameError, match="is not the name of a future"):
        by_name(name)


def test_the_venues_list_is_read() -> None:
    """Options and combinations are left out."""
    specs = parse_instruments((FRAMES / "instruments.json").read_bytes())
    assert [(each.instrument, each.inverse, each.contract_value, each.packaged) for each in specs] == [
        ("BTCUSD-PERP.DERIBIT", True, 1.0, False),
        ("BTCUSD-241227.DERIBIT", True, 1.0, False),
        ("SOLUSDC-PERP.DERIBIT", False, 1.0, False),
    ]


def test_names_and_list_agree() -> None:
    for spec in parse_instruments((FRAMES / "instruments.json").read_bytes()):
        assert msgspec.structs.replace(by_name(spec.raw_symbol), packaged=False) == spec


@pytest.mark.parametrize("day", [-1, 0, 10**20])
def test_a_contract_that_ends_at_no_time_is_left_out(day: int) -> None:
    row = msgspec.json.decode((FRAMES / "instruments.json").read_bytes())["result"][1]
    assert parse_instruments(msgspec.json.encode({"result": [{**row, "expiration_timestamp": day}, 7]})) == []


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"error":{"code":10028}}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="get_instruments"):
        parse_instruments(answer)


class TestRoutes:
    def test_trades_and_context_have_sockets_of_their_own(self) -> None:
        table = instruments("BTC-PERPETUAL", "BTC-25DEC26", "ADA_USDC-PERPETUAL")
        trades, context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert (trades.name, trades.purpose, trades.url) == (
            "liquidations-0",
            Purpose.LIQUIDATIONS,
            "wss://www.deribit.com/ws/api/v2",
        )
        assert trades.channels == (CANARY, *(f"trades.future.{each}.100ms" for each in ("BTC", "ETH", "USDC", "USDT")))
        assert (context.name, context.purpose) == ("context-0", Purpose.CONTEXT)
        assert context.channels == (
            *(CANARY, "ticker.ADA_USDC-PERPETUAL.100ms"),
            "book.BTC-PERPETUAL.none.20.100ms",
        )

    def test_heartbeats_are_asked_for_first(self) -> None:
        trades, _ = CONNECTOR.routes(instruments(), (), CONNECTOR.endpoints)
        heartbeat, subscribe = (msgspec.json.decode(frame) for frame in trades.subscribe)
        assert heartbeat == {"jsonrpc": "2.0", "id": 1, "method": "public/set_heartbeat", "params": {"interval": 30}}
        assert (subscribe["id"], subscribe["method"]) == (2, "public/subscribe")
        assert subscribe["params"]["channels"] == list(trades.channels)

    def test_requests_and_sockets_are_of_limited_size(self) -> None:
        table = instruments(*(f"C{number}_USDC-PERPETUAL" for number in range(230)))
        _, *context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert [(each.name, len(each.channels)) for each in context] == [("context-0", 201), ("context-1", 31)]
        asked = [msgspec.json.decode(frame) for frame in context[0].subscribe[1:]]
        assert [(each["id"], len(each["params"]["channels"])) for each in asked] == [
            *((2, 50), (3, 50), (4, 50), (5, 50)),
            (6, 1),
        ]

    def test_currencies_are_the_operators(self) -> None:
        other = DeribitConnector().configured({"currencies": ["EURR"], "channels_per_socket": 1})
        trades, *context = other.routes(instruments("BTC-PERPETUAL"), (), other.endpoints)
        assert trades.channels == (CANARY, "trades.future.EURR.100ms")
        assert len(context) == 2

    @pytest.mark.parametrize("options", [{"currencies": []}, {"currencies": ["b t c"]}, {"colour": 1}])
    def test_wrong_options_are_named(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError) as refused:
            CONNECTOR.configured(options)
        assert refused.value.option == next(iter(options))

    def test_the_decoder_knows_what_was_asked(self) -> None:
        table = instruments()
        trades, _ = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        answer = msgspec.json.encode({"id": 2, "result": list(trades.channels[:-1])})
        (control,) = CONNECTOR.decoder(trades, table).feed([answer]).controls
        assert control.message == trades.channels[-1]


def trade(number: int, **more: Any) -> dict[str, Any]:
    row = {"instrument_name": "BTC-PERPETUAL", "trade_id": str(number), "direction": "sell", "liquidation": "T"}
    return {**row, "amount": 10.0, "price": 9.5, "timestamp": NOW + number, "trade_seq": number, **more}


def page(*trades: Any, more: bool = False) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "result": {"trades": trades, "has_more": more}})


class TestHistory:
    def requests(self) -> list[RestRequest]:
        table, span = instruments(), Span(NOW, NOW + 1000)
        trades, context = CONNECTOR.routes(table, (), CONNECTOR.endpoints)
        assert list(CONNECTOR.backfill_requests(context, table, span, CONNECTOR.endpoints)) == []
        return list(CONNECTOR.backfill_requests(trades, table, span, CONNECTOR.endpoints))

    def test_each_currency_is_asked_for(self) -> None:
        requests = self.requests()
        assert [each.name for each in requests] == ["trades-BTC", "trades-ETH", "trades-USDC", "trades-USDT"]
        assert requests[0].url == (
            "https://www.deribit.com/api/v2/public/get_last_trades_by_currency_and_time?currency=BTC&kind=future"
            f"&start_timestamp={NOW}&end_timestamp={NOW + 1000}&count=1000&sorting=asc"
        )

    def test_a_page_is_followed_from_its_last_time_on(self) -> None:
        first = self.requests()[0]
        following = CONNECTOR.next_page(first, page(trade(1), trade(5), more=True))
        assert following is not None
        assert following.name == "trades-BTC+"
        assert parse_qs(urlsplit(following.url).query)["start_timestamp"] == [str(NOW + 5)]
        assert CONNECTOR.next_page(first, page(trade(1))) is None, "the last"
        assert CONNECTOR.next_page(first, page(more=True)) is None, "nothing in it"
        assert CONNECTOR.next_page(following, page(trade(5), more=True)) is None, "nothing new"
        (listing,) = CONNECTOR.spec_requests(CONNECTOR.endpoints)
        assert CONNECTOR.next_page(listing, b"{}") is None

    def test_rows_say_that_they_are_backfilled(self) -> None:
        body = page(trade(1), trade(2, liquidation=None), trade(3, liquidation="MT"), trade(4, price=0))
        found = CONNECTOR.parse_backfill(self.requests()[0], body, instruments())
        assert list(found.liquidations.flags) == [EventFlag.BACKFILLED] * 3
        assert [fault.row for fault in found.faults] == [3]

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"error":{}}', b'{"result":{"trades":1}}'])
    def test_an_answer_that_makes_no_sense_is_refused(self, body: bytes) -> None:
        with pytest.raises(FrameError, match="trades"):
            CONNECTOR.parse_backfill(self.requests()[0], body, instruments())
