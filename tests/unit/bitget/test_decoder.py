from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_bitget.decoder import BitgetDecoder
from foreshock_bitget.specs import CoinAmount
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

TS = 1_777_358_886_549
ROW: dict[str, Any] = {"symbol": "BTCUSDT", "side": "buy", "price": "80000", "amount": "100", "ts": str(TS)}
KINDS = {"BTCUSDT": "usdt-futures", "BTCPERP": "usdc-futures", "BTCUSDC": "usdc-futures"}
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def push(*rows: Any, kind: str = "usdt-futures", topic: str = "liquidation", **arg: str) -> dict[str, Any]:
    return {
        "action": "update",
        "arg": {"instType": kind, "topic": topic, **arg},
        "data": list(rows),
        "ts": TS + 10_000,
    }


def feed(*values: Any, amount: CoinAmount = "off", instruments: Instruments | None = None) -> Decoded:
    decoder = BitgetDecoder("ticker:BTCUSDT", Instruments("bitget") if instruments is None else instruments, amount)
    return decoder.feed([msgspec.json.encode(value) for value in values])


@pytest.mark.parametrize(
    ("symbol", "amount", "quantity", "notional"),
    [
        ("BTCUSDT", "off", 0.00125, 100.0),
        ("BTCPERP", "off", 0.00125, 100.0),
        ("BTCUSDC", "off", 0.00125, 100.0),
        ("BTCUSD", "quote", 0.00125, 100.0),
        ("BTCUSD_CM", "quote", 0.00125, 100.0),
        ("BTCUSD_CM", "base", 100.0, 8_000_000.0),
    ],
)
@pytest.mark.parametrize(("side", "died"), [("buy", LONG), ("sell", SHORT)])
def test_the_side_is_the_positions_and_the_amount_in_the_quote_coin(
    symbol: str, amount: CoinAmount, quantity: float, notional: float, side: str, died: LiquidatedSide
) -> None:
    """Opposite to venues that tell the order. Of coin-margined contracts the operator says the unit."""
    instruments = Instruments("bitget")
    frame = push({**ROW, "symbol": symbol, "side": side}, kind=KINDS.get(symbol, "coin-futures"))
    (event,) = liquidation_events(feed(frame, amount=amount, instruments=instruments), instruments, 0)
    assert (event.liquidated_side, event.symbol) == (died, "BTCUSDT")
    assert event.quantity == pytest.approx(quantity, rel=1e-12)
    assert event.notional_usd == pytest.approx(notional, rel=1e-12)


@pytest.mark.parametrize("symbol", ["BTCUSD", "BTCUSD_CM", "BTCUSDT"])
def test_coin_margined_rows_are_faults_that_name_the_option(symbol: str) -> None:
    """What their amounts are counted in is not verified."""
    found = feed(push({**ROW, "symbol": symbol}, kind="coin-futures"))
    assert [(each.row, "coin_futures_amount" in each.reason) for each in found.faults] == [(0, True)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({**ROW, "side": "long"}, "Invalid enum value 'long' - at `$.side`"),
        ({**ROW, "amount": "0"}, "Expected `float` >= 1e-18 - at `$.amount`"),
        ({**ROW, "symbol": "BTC"}, "contract 'BTC' is unknown and its name follows no rule"),
        (
            {**ROW, "symbol": "BTCUSD"},
            "the unit of coin-margined amounts is not verified: set the option coin_futures_amount",
        ),
        (None, "Expected `object`, got `null`"),
    ],
)
def test_a_bad_row_is_a_fault_and_the_good_one_beside_it_stays(bad: Any, reason: str) -> None:
    found = feed(push(bad, ROW))
    assert [(each.frame, each.row, each.reason) for each in found.faults] == [(0, 0, reason)]
    assert len(found.liquidations) == 1


@pytest.mark.parametrize(
    "value",
    [
        *([], 1, {}, {"arg": {}}, {"arg": {"topic": "secrets"}}, {"event": "dance"}, {"event": []}),
        {"arg": {"topic": "liquidation", "instType": "usdt-futures"}, "data": {}},
        {"arg": {"topic": "ticker"}, "ts": TS},
        {"arg": {"topic": "ticker", "symbol": "BTCUSDT"}},
    ],
)
def test_what_makes_no_sense_is_a_fault(value: Any) -> None:
    assert len(feed(value).faults) == 1


@pytest.mark.parametrize("frame", ["pong", b"pong"])
def test_a_bare_pong(frame: str | bytes) -> None:
    found = BitgetDecoder("", Instruments("bitget"), "off").feed([frame])
    assert [each.kind for each in found.controls] == [ControlKind.PONG]


def test_other_known_frames_are_silent() -> None:
    found = feed({"event": "unsubscribe"}, push(topic="publicTrade"), push(topic="books5"), push(topic="kline1m"))
    assert (found.ignored, found.faults) == (4, [])


ROWS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["BTCUSDT", "ETHPERP", "BTCUSD", "BTCUSDT"]),
        "side": st.sampled_from(["buy", "sell", "sell", "up"]),
        "price": st.sampled_from(["80000", 0.5, "0"]),
        "amount": st.sampled_from(["100", "13.70319"]),
        "ts": st.sampled_from([str(TS), TS + 1]),
    }
)


@given(st.lists(st.tuples(st.lists(ROWS, max_size=3), st.sampled_from(["usdt-futures", "coin-futures"])), max_size=4))
def test_many_frames_at_once_read_as_one_by_one(frames: list[tuple[list[dict[str, Any]], str]]) -> None:
    """A decoder that knows its contracts takes the fast path, a new one the slow one."""
    texts = [msgspec.json.encode(push(*rows, kind=kind)) for rows, kind in frames]
    fast, slow = (BitgetDecoder("ticker:BTCUSDT", Instruments("bitget"), "off") for _ in range(2))
    fast.feed([msgspec.json.encode(push(ROW, {**ROW, "symbol": "ETHPERP"}))])
    together, parts = fast.feed(texts), [slow.feed([text, b"{"]) for text in texts]
    for column in ("side", "price", "price_kind", "size", "ts_event_ms", "identity_a", "identity_b", "flags"):
        apart = [value for part in parts for value in getattr(part.liquidations, column)]
        assert list(getattr(together.liquidations, column)) == apart
    assert list(together.liquidations.frames) == [at for at, part in enumerate(parts) for _ in part.liquidations.frames]
    assert together.pushed_ms == max((part.pushed_ms for part in parts), default=0)


class TestContext:
    TICKER = push({"markPrice": "80000", "openInterest": "5", "bid1Size": "1", "indexPrice": ""}, topic="ticker")

    def test_of_coin_margined_contracts_only_prices_are_told(self) -> None:
        """Their sizes have a unit that is not documented."""
        frame = {**self.TICKER, "arg": {"instType": "coin-futures", "topic": "ticker", "symbol": "BTCUSD"}}
        book = push({"b": [["1", "1"]], "a": [], "ts": str(TS)}, kind="coin-futures", topic="books50", symbol="BTCUSD")
        found = feed(frame, book, amount="quote")
        assert (found.context.field, len(found.books), found.faults) == ([ContextField.MARK], 0, [])

    def test_another_contracts_ticker_is_no_canary(self) -> None:
        frame = {**self.TICKER, "arg": {"instType": "usdt-futures", "topic": "ticker", "symbol": "ETHUSDT"}}
        found = feed(frame)
        assert (found.canary, len(found.context)) == (0, 3)
