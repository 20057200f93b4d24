from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.ingest import Ingest
from foreshock_gate.decoder import GateDecoder, Sign
from foreshock_gate.specs import by_name
from foreshock_sdk import Decoded, Instruments, LiquidatedSide
from foreshock_sdk.identity import format_key
from foreshock_sdk.rows import liquidation_events

TS = 1_789_670_297_217
ROW: dict[str, Any] = {"price": "2446.26", "size": 500, "time": TS, "contract": "ETH_USDT"}
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def push(*rows: Any, channel: str = "futures.public_liquidates", **more: Any) -> dict[str, Any]:
    return {
        "time": TS // 1000,
        "time_ms": TS + 500,
        "channel": channel,
        "event": "update",
        "result": list(rows),
        **more,
    }


def book(**told: Any) -> dict[str, Any]:
    return push(channel="futures.obu", result={"t": TS, "s": "ob.BTC_USDT.400", **told})


def decoder(sign: Sign = "position", instruments: Instruments | None = None) -> GateDecoder:
    return GateDecoder("futures.tickers:BTC_USDT", Instruments("gate") if instruments is None else instruments, sign)


def feed(*values: Any, sign: Sign = "position", instruments: Instruments | None = None) -> Decoded:
    return decoder(sign, instruments).feed([msgspec.json.encode(value) for value in values])


@pytest.mark.parametrize("contract", ["ETH_USDT", "BTC_USD", "BTC_USDT_20261225"])
@pytest.mark.parametrize("size", [124, "124", "124.5", 0.5])
@pytest.mark.parametrize(
    ("sign", "signum", "died"),
    [("position", 1, LONG), ("position", -1, SHORT), ("order", -1, LONG), ("order", 1, SHORT)],
)
def test_what_the_sign_is_of_is_the_operators_to_say(
    contract: str, size: Any, sign: Sign, signum: int, died: LiquidatedSide
) -> None:
    """Unresolved by the documents: REST's position by default."""
    signed = size if signum > 0 else f"-{size}"
    found = feed(push({**ROW, "contract": contract, "size": signed}), sign=sign)
    assert (list(found.liquidations.side), found.liquidations.size) == ([died], [float(size)])


@pytest.mark.parametrize(
    ("told", "ts_ms"),
    [
        ({"time": TS}, TS),
        ({"time": TS // 1000}, TS // 1000 * 1000),
        ({"time_ms": TS}, TS),
        ({"time": TS // 1000, "time_ms": TS}, TS),
        ({"time": str(TS)}, TS),
    ],
)
def test_times_are_ms_or_seconds_by_their_magnitude(told: dict[str, Any], ts_ms: int) -> None:
    row = {key: value for key, value in ROW.items() if key != "time"}
    assert feed(push({**row, **told})).liquidations.ts_event_ms == [ts_ms]


def test_a_frame_may_hold_rows_of_several_contracts() -> None:
    instruments = Instruments("gate")
    found = feed(push(ROW, {**ROW, "contract": "BTC_USD"}, ROW), instruments=instruments)
    names = [instruments.specs[index].raw_symbol for index in found.liquidations.instrument]
    assert names == ["ETH_USDT", "BTC_USD", "ETH_USDT"]
    assert len({event.event_id for event in liquidation_events(found, instruments, 0)}) == 3, "twins both count"


def test_one_row_without_an_array_is_a_row() -> None:
    assert feed(push(result=ROW)).liquidations.size == [500.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**ROW, "size": 0}, "`size` is 0"),
        ({**ROW, "size": "1e-300"}, "`size` is 0"),
        ({key: value for key, value in ROW.items() if key != "time"}, "`time` is missing"),
        ({**ROW, "contract": "NEWCOIN_USDT"}, "contract value of NEWCOIN_USDT is unknown"),
        ({**ROW, "contract": "ETH_USD"}, "contract value of ETH_USD is unknown"),
        ({**ROW, "contract": "nonsense"}, "contract value of nonsense is unknown"),
        ({**ROW, "price": "0"}, "Expected `float` >= 1e-18 - at `$.price`"),
        (None, "Expected `object`, got `null`"),
    ],
)
def test_a_bad_row_is_a_fault_and_the_good_one_beside_it_stays(row: Any, reason: str) -> None:
    found = feed(push(row, ROW))
    assert [(each.frame, each.row, each.reason) for each in found.faults] == [(0, 0, reason)]
    assert len(found.liquidations) == 1


@pytest.mark.parametrize("value", [[], 1, {}, {"channel": 1}, {"channel": "spot.trades", "event": "update"}])
def test_what_is_not_of_this_venue_is_a_fault(value: Any) -> None:
    assert len(feed(value).faults) == 1


def test_other_channels_are_silent() -> None:
    found = feed(push(channel="futures.trades"), push(channel="futures.orders"))
    assert (found.ignored, found.faults) == (2, [])


ROWS = st.fixed_dictionaries(
    {
        "price": st.sampled_from(["215.1", 0.5, "0", None]),
        "size": st.sampled_from([124, -124, "-10.5", "7", 0]),
        "contract": st.sampled_from(["ETH_USDT", "BTC_USD", "ETH_USDT", "NEW_USDT"]),
    },
    optional={"time": st.sampled_from([TS, TS // 1000]), "time_ms": st.sampled_from([TS, -1])},
)


@given(st.lists(st.lists(ROWS, max_size=3), max_size=4), st.sampled_from(["position", "order"]))
def test_many_frames_at_once_read_as_one_by_one(frames: list[list[dict[str, Any]]], sign: Sign) -> None:
    """A decoder that knows its contracts takes the fast path, a new one the slow one."""
    texts = [msgspec.json.encode(push(*rows)) for rows in frames]
    fast, slow = decoder(sign), decoder(sign)
    fast.feed([msgspec.json.encode(push(ROW, {**ROW, "contract": "BTC_USD"}))])
    together, parts = fast.feed(texts), [slow.feed([text, b"{"]) for text in texts]
    for column in ("side", "price", "price_kind", "size", "ts_event_ms", "identity_a", "identity_b", "flags"):
        apart = [value for part in parts for value in getattr(part.liquidations, column)]
        assert list(getattr(together.liquidations, column)) == apart
    assert list(together.liquidations.frames) == [at for at, part in enumerate(parts) for _ in part.liquidations.frames]
    assert together.pushed_ms == max((part.pushed_ms for part in parts), default=0)


class TestIdentity:
    """REST has whole seconds: those name an event, on the socket too."""

    def test_the_second_is_the_name_and_the_ms_are_the_time(self) -> None:
        instruments = Instruments("gate")
        found = feed(
            push(ROW), push({**ROW, "time": TS // 1000}), push({**ROW, "time": TS + 1000}), instruments=instruments
        )
        live, whole, later = liquidation_events(found, instruments, 0)
        assert live.event_id == whole.event_id != later.event_id
        assert live.ts_event == TS * 1_000_000

    def test_services_name_it_alike(self) -> None:
        instruments = Instruments("gate")
        found = feed(push(ROW, ROW), push({**ROW, "time": TS // 1000}), instruments=instruments)
        keys = Ingest(instruments).rows(found, [TS * 1_000_000] * 2).liquidations["event_id"]
        events = liquidation_events(found, instruments, 0)
        assert [format_key(int(key)) for key in keys] == [event.event_id for event in events]


class TestTickers:
    TICKER: ClassVar = {"contract": "BTC_USDT", "mark_price": "1.25", "total_size": "64"}

    def test_an_open_interest_in_contracts_is_told_in_coins(self) -> None:
        found = feed(push(self.TICKER, channel="futures.tickers"))
        assert found.context.value == [1.25, 64 * 0.0001]
        assert found.canary == TS + 500

    def test_missing_and_zero_prices_are_not_told(self) -> None:
        ticker = {"contract": "BTC_USDT", "mark_price": "0", "index_price": "", "total_size": "64", "funding_rate": ""}
        assert len(feed(push(ticker, channel="futures.tickers")).context) == 0

    def test_the_canary_sings_though_its_contract_is_unknown(self) -> None:
        canary = GateDecoder("futures.tickers:BTC_USD1", Instruments("gate"), "position")
        frame = msgspec.json.encode(push({**self.TICKER, "contract": "BTC_USD1"}, channel="futures.tickers"))
        found = canary.feed([frame])
        assert (found.canary, len(found.faults)) == (TS + 500, 1)

    def test_without_a_time_it_is_a_fault(self) -> None:
        found = feed(push(self.TICKER, channel="futures.tickers", time_ms="soon"))
        assert [each.reason for each in found.faults] == ["`time_ms` is not a time"]


class TestBooks:
    FULL = book(full=True, u=10, b=[["99", "5"], ["98", "7"]], a=[["101", "1"]])

    def test_changes_that_follow_are_applied(self) -> None:
        found = feed(self.FULL, book(U=11, u=12, b=[["99", "0"]], a=[["100.5", "2"]], t=TS + 200))
        assert found.books.bids == [[(98.0, 7.0)]]
        assert found.books.asks == [[(100.5, 2.0), (101.0, 1.0)]]
        assert found.books.ts_event_ms == [TS + 200]

    def test_after_a_hole_the_whole_is_asked_for_again(self) -> None:
        """Once, and nothing is told until it comes."""
        reader = decoder()
        reader.feed([msgspec.json.encode(self.FULL)])
        late = [msgspec.json.encode(book(U=first, u=first, b=[["98", "8"]], t=TS + 200)) for first in (12, 13)]
        found = reader.feed(late)
        assert len(found.books) == 0
        asked = [msgspec.json.decode(each) for each in found.replies]
        assert [(each["event"], each["payload"]) for each in asked] == [
            ("unsubscribe", ["ob.BTC_USDT.400"]),
            ("subscribe", ["ob.BTC_USDT.400"]),
        ]
        again = reader.feed([msgspec.json.encode(book(full=True, u=20, b=[["98", "8"]], a=[["99", "1"]], t=TS + 400))])
        assert again.books.bids == [[(98.0, 8.0)]]

    def test_changes_before_the_whole_are_dropped(self) -> None:
        found = feed(book(U=1, u=1, b=[["98", "8"]]))
        assert (len(found.books), found.replies, found.faults) == (0, [], [])


def test_a_name_says_the_expiry() -> None:
    spec = by_name("BTC_USDT_20261225")
    assert (spec.instrument, spec.contract_value, spec.identity_ms) == ("BTCUSDT-261225.GATE", 0.0001, 1000)
