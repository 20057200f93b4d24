"""Raw columns become canonical ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.fingerprint import event_keys
from foreshock_feeds.domain.ingest import Ingest
from foreshock_model.dedupe import Dedupe
from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import ContextField, EventFlag, LiquidatedSide, PriceKind
from foreshock_sdk.identity import event_key, seed_of
from foreshock_sdk.instruments import Instruments, InstrumentSpec, convert

MS = 1_000_000


def instruments() -> Instruments:
    return Instruments(
        "venue",
        [
            InstrumentSpec(venue="venue", raw_symbol="BTC", base="BTC", quote="USDT", contract_value=0.01),
            InstrumentSpec(
                venue="venue", raw_symbol="BTCINV", base="BTC", quote="USD", contract_value=100, inverse=True
            ),
            InstrumentSpec(
                venue="venue",
                raw_symbol="1000PEPE",
                base="PEPE",
                quote="USDT",
                multiplier=1000,
                contract_base="1000PEPE",
            ),
            InstrumentSpec(venue="venue", raw_symbol="OLD", base="OLD", quote="USDT", packaged=True),
        ],
    )


def decoded(*rows: tuple[int, int, float, float, int], frames: list[int] | None = None) -> Decoded:
    found = Decoded()
    raw = found.liquidations
    for at, (instrument, side, price, size, ts_ms) in enumerate(rows):
        assert raw.frame is not None
        raw.frame.append(frames[at] if frames else 0)
        raw.instrument.append(instrument)
        raw.side.append(side)
        raw.price.append(price)
        raw.price_kind.append(PriceKind.AVERAGE)
        raw.size.append(size)
        raw.ts_event_ms.append(ts_ms)
        raw.identity_a.append(price)
        raw.identity_b.append(0.0)
        raw.flags.append(0)
    return found


def test_rows_sized_in_usd_are_counted() -> None:
    """Binance mixes both kinds in one stream: whether COIN-M rows come at all is seen here."""
    ingest = Ingest(instruments())
    ingest.rows(decoded((0, 0, 100.0, 1.0, 5), (1, 0, 100.0, 1.0, 5), (1, 1, 100.0, 2.0, 6)), [10])
    assert ingest.usd_sized == 2


def test_linear_inverse_and_multiplied_contracts_are_converted_to_coins_and_usd() -> None:
    ingest = Ingest(instruments())
    batch = ingest.batch(decoded((0, 0, 50_000.0, 8.0, 1), (1, 1, 50_000.0, 3.0, 1), (2, 0, 0.01, 5000.0, 1)), [2 * MS])
    linear, inverse, multiplied = batch.events()
    assert (linear.price, linear.quantity, linear.notional_usd) == (50_000.0, 0.08, 4_000.0)
    assert (inverse.price, inverse.quantity, inverse.notional_usd) == (50_000.0, 0.006, 300.0)
    assert (multiplied.price, multiplied.quantity, multiplied.notional_usd) == pytest.approx((1e-5, 5e6, 50.0))
    assert linear.symbol == inverse.symbol == "BTCUSDT"
    assert inverse.instrument == "BTCUSD-PERP.VENUE"
    assert multiplied.instrument == "1000PEPEUSDT-PERP.VENUE"
    assert linear.liquidated_side is LiquidatedSide.LONG


def test_an_event_from_the_future_is_clamped_to_its_receipt_and_flagged() -> None:
    ingest = Ingest(instruments())
    (event,) = ingest.batch(decoded((0, 0, 1.0, 1.0, 5)), [3 * MS]).events()
    assert event.ts_event == 3 * MS
    assert event.flags == EventFlag.CLAMPED
    assert ingest.clamped == 1


def test_rows_tell_that_their_contract_values_are_packaged() -> None:
    (event,) = Ingest(instruments()).batch(decoded((3, 0, 1.0, 1.0, 1)), [3 * MS]).events()
    assert event.flags == EventFlag.PACKAGED_SPECS


def test_only_tracked_symbols_are_kept_and_that_can_change() -> None:
    ingest = Ingest(instruments(), symbols=frozenset({"PEPEUSDT"}))
    rows = decoded((0, 0, 1.0, 1.0, 1), (2, 0, 1.0, 1.0, 1))
    assert [event.symbol for event in ingest.batch(rows, [MS]).events()] == ["PEPEUSDT"]
    ingest.track(frozenset())
    assert len(list(ingest.batch(rows, [MS]).events())) == 2


def test_a_contract_quoted_in_another_coin_has_no_value_in_usd_and_is_never_counted_as_one() -> None:
    table = instruments()
    table.put(InstrumentSpec(venue="venue", raw_symbol="ETHBTC", base="ETH", quote="BTC"))
    rows = decoded((4, 0, 0.05, 10.0, 1), (0, 0, 50_000.0, 8.0, 1), (4, 1, 0.05, 1.0, 1))
    for_people = list(Ingest(table).batch(rows, [MS]).events())
    assert [(event.symbol, event.quantity) for event in for_people] == [
        ("ETHBTC", 10.0),
        ("BTCUSDT", 0.08),
        ("ETHBTC", 1.0),
    ]
    assert [np.isnan(event.notional_usd) for event in for_people] == [True, False, True]
    ingest = Ingest(table, dedupe=Dedupe())
    assert [event.symbol for event in ingest.batch(rows, [MS]).events()] == ["BTCUSDT"]
    assert ingest.unpriced == 2
    assert list(ingest.batch(decoded((4, 0, 0.05, 10.0, 1)), [MS]).events()) == []
    assert ingest.unpriced == 3


def test_what_is_not_tracked_is_not_unpriced() -> None:
    table = Instruments("venue", [InstrumentSpec(venue="venue", raw_symbol="ETHBTC", base="ETH", quote="BTC")])
    ingest = Ingest(table, dedupe=Dedupe(), symbols=frozenset({"BTCUSDT"}))
    assert list(ingest.batch(decoded((0, 0, 0.05, 10.0, 1)), [MS]).events()) == []
    assert ingest.unpriced == 0


def test_a_contract_value_that_is_corrected_counts_from_the_next_row() -> None:
    table = instruments()
    ingest = Ingest(table)
    table.put(InstrumentSpec(venue="venue", raw_symbol="BTC", base="BTC", quote="USDT", contract_value=1.0))
    (event,) = ingest.batch(decoded((0, 0, 50_000.0, 8.0, 1)), [MS]).events()
    assert (event.quantity, event.notional_usd) == (8.0, 400_000.0)


def test_true_twins_of_one_frame_both_count_and_a_repeated_frame_counts_once() -> None:
    ingest = Ingest(instruments(), dedupe=Dedupe())
    twins = decoded((0, 0, 1.0, 1.0, 1), (0, 0, 1.0, 1.0, 1))
    assert len(list(ingest.batch(twins, [MS]).events())) == 2
    assert list(ingest.batch(twins, [MS]).events()) == []
    repeated = decoded((0, 1, 1.0, 1.0, 1), (0, 1, 1.0, 1.0, 1), frames=[0, 1])
    assert len(list(ingest.batch(repeated, [MS, MS]).events())) == 1
    assert ingest.dedupe is not None
    assert ingest.dedupe.dropped == 3


def test_a_contract_listed_later_is_known_at_its_first_row() -> None:
    table = instruments()
    ingest = Ingest(table, partitions=8)
    new = table.put(InstrumentSpec(venue="venue", raw_symbol="NEW", base="NEW", quote="USDT"))
    (event,) = ingest.batch(decoded((new, 0, 2.0, 3.0, 1)), [MS]).events()
    assert (event.symbol, event.notional_usd) == ("NEWUSDT", 6.0)


def test_context_is_scaled_by_the_multiplier_and_not_finite_values_are_left_out() -> None:
    found = Decoded()
    found.context.append(0, 2, ContextField.MARK, 0.01, 1)
    found.context.append(0, 2, ContextField.OPEN_INTEREST, 5.0, 1)
    found.context.append(0, 2, ContextField.FUNDING, 0.0001, 1)
    found.context.append(0, 2, ContextField.INDEX, float("nan"), 1)
    context = Ingest(instruments()).rows(found, [MS]).context
    assert context["value"].tolist() == pytest.approx([1e-5, 5000.0, 0.0001])


finite = st.floats(min_value=1e-9, max_value=1e12, allow_nan=False)


@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 2**45), finite, finite, finite), min_size=1, max_size=20)
)
def test_keys_of_columns_equal_those_of_single_rows(rows: list[tuple[int, int, float, float, float]]) -> None:
    side, ts_ms, size, a, b = (np.array(each) for each in zip(*rows, strict=True))
    seed = seed_of("venue", "BTC")
    seeds = np.full(len(rows), seed, np.uint64)
    frame = np.zeros(len(rows), np.intp)
    keys = event_keys(seeds=seeds, side=side, ts_event_ms=ts_ms, size=size, identity=(a, b), frame=frame).tolist()
    seen: dict[tuple[int, int, float, float, float], int] = {}
    for key, row in zip(keys, rows, strict=True):
        ordinal = seen.get(row, 0)
        seen[row] = ordinal + 1
        assert key == event_key(seed, row[0], row[1], row[2], row[3:], ordinal)


@given(finite, finite, finite, st.booleans(), st.sampled_from([1.0, 1000.0]))
def test_conversion_is_the_same_for_one_row_and_for_arrays(
    price: float, size: float, value: float, inverse: bool, multiplier: float
) -> None:
    one = convert(price, size, value, float(inverse), multiplier)
    many = convert(*(np.array([each]) for each in (price, size, value, float(inverse), multiplier)))
    assert one == tuple(float(each[0]) for each in many)


def test_rows_of_another_lane_are_no_repeats() -> None:
    """Two routes that two processes write: what both bring must not be dropped by both."""
    ingest = Ingest(instruments(), dedupe=Dedupe())
    row = decoded((0, 0, 1.0, 1.0, 1))
    assert [ingest.rows(row, [MS], lane=lane).liquidations["event_id"].size for lane in (5, 5, 6, 0)] == [1, 0, 1, 1]
