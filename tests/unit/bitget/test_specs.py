from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_bitget.connector import BitgetConnector
from foreshock_bitget.specs import CoinAmount, by_name, parse_instruments
from foreshock_sdk import FrameError, Instruments, OptionError, Purpose, Span

ROW = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "type": "perpetual", "status": "online"}


def body(*rows: Any, code: str = "00000") -> bytes:
    return msgspec.json.encode({"code": code, "msg": "success", "data": list(rows)})


@pytest.mark.parametrize(
    ("row", "amount", "instrument", "quote_sized", "inverse"),
    [
        (ROW, "off", "BTCUSDT-PERP.BITGET", True, False),
        ({**ROW, "symbol": "BTCPERP", "quoteCoin": "USDC"}, "off", "BTCUSDC-PERP.BITGET", True, False),
        ({**ROW, "symbol": "BTCUSD", "quoteCoin": "USD"}, "quote", "BTCUSD-PERP.BITGET", False, True),
        ({**ROW, "symbol": "BTCUSD", "quoteCoin": "USD"}, "base", "BTCUSD-PERP.BITGET", False, False),
        (
            {**ROW, "symbol": "BTCUSDZ26", "quoteCoin": "USD", "type": "delivery", "deliveryTime": "1798185600000"},
            *("quote", "BTCUSD-261225.BITGET", False, True),
        ),
        ({**ROW, "symbol": "1000BONKUSDT", "baseCoin": "1000BONK"}, "off", "1000BONKUSDT-PERP.BITGET", True, False),
    ],
)
def test_a_listed_contract(
    row: dict[str, str], amount: CoinAmount, instrument: str, quote_sized: bool, inverse: bool
) -> None:
    (spec,) = parse_instruments(body(row), amount)
    assert (spec.instrument, spec.quote_sized, spec.inverse) == (instrument, quote_sized, inverse)
    assert (spec.contract_value, spec.packaged) == (1.0, False)


@pytest.mark.parametrize(
    "row", [None, {}, {**ROW, "type": "delivery"}, {**ROW, "type": "delivery", "deliveryTime": "9" * 30}]
)
def test_a_row_that_makes_no_sense_is_left_out(row: Any) -> None:
    assert [spec.raw_symbol for spec in parse_instruments(body(row, ROW), "off")] == ["BTCUSDT"]


@pytest.mark.parametrize("answer", [b"", b"[]", body(code="40020"), b'{"code":"00000","data":null}'])
def test_an_answer_that_makes_no_sense_is_refused(answer: bytes) -> None:
    with pytest.raises(FrameError, match="instruments"):
        parse_instruments(answer, "off")


def test_names_say_coin_quote_and_multiplier() -> None:
    spec = by_name("1000BONKUSDT", "off")
    assert (spec.symbol, spec.multiplier) == ("BONKUSDT", 1000.0)
    with pytest.raises(FrameError, match="coin_futures_amount"):
        by_name("BTCUSD_CM", "off")


class TestConnector:
    def test_coin_margined_contracts_are_left_out_until_the_operator_says_their_unit(self) -> None:
        connector = BitgetConnector()
        (first, *_) = connector.routes(Instruments("bitget"), (), connector.endpoints)
        assert first.channels == ("ticker:BTCUSDT", "liquidation:usdt-futures", "liquidation:usdc-futures")
        assert len(connector.spec_requests(connector.endpoints)) == 2
        with_coins = connector.configured({"coin_futures_amount": "quote"})
        (first, *_) = with_coins.routes(Instruments("bitget"), (), connector.endpoints)
        assert first.channels[-1] == "liquidation:coin-futures"
        assert with_coins.spec_requests(connector.endpoints)[-1].url.endswith("?category=COIN-FUTURES")

    def test_an_option_that_is_none_of_them_is_named(self) -> None:
        with pytest.raises(OptionError, match="coin_futures_amount"):
            BitgetConnector().configured({"coin_futures_amount": "maybe"})

    def test_sockets_stay_within_fifty_channels_and_requests_within_five(self) -> None:
        connector = BitgetConnector()
        specs = connector.packaged_specs().specs
        instruments = Instruments("bitget", specs)
        routes = connector.routes(instruments, tuple({spec.symbol for spec in specs}), connector.endpoints)
        assert [route.purpose for route in routes] == [Purpose.LIQUIDATIONS, Purpose.CONTEXT, Purpose.CONTEXT]
        assert max(len(route.channels) for route in routes) <= 50
        requests = [msgspec.json.decode(frame) for route in routes for frame in route.subscribe]
        assert max(len(each["args"]) for each in requests) == 5

    def test_the_venue_keeps_no_history_and_tells_two_rows_a_second_at_most(self) -> None:
        connector, instruments = BitgetConnector(), Instruments("bitget")
        (first, *_) = connector.routes(instruments, (), connector.endpoints)
        assert not connector.backfill_requests(first, instruments, Span(0, 10_000), connector.endpoints)
        assert (connector.throttle.push_interval, connector.throttle.per_symbol_cap) == (1.0, 2)
