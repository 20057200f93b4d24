"""Books become top of book and depth, as exact arithmetic has it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.depth import Units, tell
from foreshock_feeds.domain.ingest import Ingest
from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import ContextField
from foreshock_sdk.instruments import Instruments, InstrumentSpec

MS = 1_000_000
Levels = list[tuple[str, str]]
"""(price, size) as the venue writes them."""
Fields = dict[str, float]
LINEAR, INVERSE, THOUSANDS, FOREIGN = range(4)
SPECS = [
    InstrumentSpec(venue="v", raw_symbol="BTC", base="BTC", quote="USDT", contract_value=0.01),
    InstrumentSpec(venue="v", raw_symbol="BTCUSD", base="BTC", quote="USD", contract_value=100, inverse=True),
    InstrumentSpec(venue="v", raw_symbol="1000PEPE", base="PEPE", quote="USDT", multiplier=1000, contract_base="1000P"),
    InstrumentSpec(venue="v", raw_symbol="ETHBTC", base="ETH", quote="BTC"),
]


def told(*books: tuple[int, Levels, Levels], symbols: frozenset[str] = frozenset()) -> tuple[list[Fields], int]:
    """Put books (instrument, bids, asks) through the ingest; return each one's fields by name, and the refused."""
    found = Decoded()
    for number, (instrument, bids, asks) in enumerate(books):
        sides = [[(float(price), float(size)) for price, size in side] for side in (bids, asks)]
        found.books.append(0, instrument, number + 1, (sides[0], sides[1]))
    ingest = Ingest(Instruments("v", SPECS), symbols=symbols)
    context = ingest.rows(found, [10**12]).context
    fields = [Fields() for _ in books]
    for field, value, ts in zip(context["field"], context["value"], context["ts_event"], strict=True):
        fields[ts // MS - 1][ContextField(field).name] = value
    return fields, ingest.refused_books


def test_a_linear_book_in_contracts() -> None:
    bids = [("50000", "10"), ("49990", "20"), ("49950", "40"), ("49000", "100")]
    asks = [("50010", "5"), ("50060", "10"), ("50061", "1")]
    (found,), refused = told((LINEAR, bids, asks))
    assert refused == 0
    assert found == pytest.approx(
        {
            "BID": 50_000.0,
            "ASK": 50_010.0,
            "BID_QUANTITY": 0.1,
            "ASK_QUANTITY": 0.05,
            "DEPTH_BID_10BP": 5_000 + 9_998,  # 49,954.995 is the edge
            "DEPTH_BID_100BP": 5_000 + 9_998 + 19_980,
            "DEPTH_ASK_10BP": 2_500.5,  # 50,055.005; nobody knows what rests up to 50,505.05
        }
    )


def test_an_inverse_book_counts_usd_and_tells_coins() -> None:
    (found,), _ = told((INVERSE, [("50000", "3"), ("40000", "1")], [("50001", "2"), ("60000", "1")]))
    assert found["BID_QUANTITY"] == pytest.approx(300 / 50_000)
    assert found["ASK_QUANTITY"] == pytest.approx(200 / 50_001)
    assert (found["DEPTH_BID_10BP"], found["DEPTH_BID_100BP"]) == (300, 300)
    assert (found["DEPTH_ASK_10BP"], found["DEPTH_ASK_100BP"]) == (200, 200)


def test_a_multiplied_contract_is_told_by_the_coin() -> None:
    (found,), _ = told((THOUSANDS, [("0.01", "7"), ("0.009", "1")], [("0.0101", "5"), ("0.02", "1")]))
    assert (found["BID"], found["ASK"]) == pytest.approx((1e-5, 1.01e-5))
    assert (found["BID_QUANTITY"], found["ASK_QUANTITY"]) == (7_000, 5_000)
    assert found["DEPTH_BID_100BP"] == pytest.approx(0.07)


def test_a_book_of_another_quote_has_no_depth_in_usd() -> None:
    (found,), _ = told((FOREIGN, [("0.05", "1"), ("0.01", "1")], [("0.0501", "1"), ("1", "1")]))
    assert set(found) == {"BID", "ASK", "BID_QUANTITY", "ASK_QUANTITY"}


def test_a_level_on_the_edge_belongs_to_the_band_and_reaches_it() -> None:
    bids = [("99.995", "1"), ("99.9", "10"), ("99", "100")]
    asks = [("100.005", "1"), ("100.1", "10"), ("101", "100")]
    (found,), _ = told((LINEAR, bids, asks))
    assert found["DEPTH_BID_10BP"] == pytest.approx(0.01 * (99.995 + 999))
    assert found["DEPTH_BID_100BP"] == pytest.approx(0.01 * (99.995 + 999 + 9_900))
    assert found["DEPTH_ASK_10BP"] == pytest.approx(0.01 * (100.005 + 1_001))
    assert found["DEPTH_ASK_100BP"] == pytest.approx(0.01 * (100.005 + 1_001 + 10_100))


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], [("2", "1")]),
        ([("1", "1")], []),
        ([], []),
        ([("2", "1")], [("2", "1")]),
        ([("3", "1")], [("2", "1")]),
        ([("nan", "1")], [("2", "1")]),
        ([("1", "inf")], [("2", "1")]),
        ([("1", "0")], [("2", "1")]),
        ([("1", "1"), ("-1", "1")], [("2", "1")]),
    ],
)
def test_a_book_that_makes_no_sense_is_dropped_and_counted_and_the_good_one_beside_it_stays(
    bids: Levels, asks: Levels
) -> None:
    good = (LINEAR, [("1", "1")], [("1.0001", "1")])
    (first, bad, last), refused = told(good, (LINEAR, bids, asks), good)
    assert (bad, refused) == ({}, 1)
    assert first == last
    assert set(first) == {"BID", "ASK", "BID_QUANTITY", "ASK_QUANTITY"}


def test_where_the_best_price_lies_beyond_the_band_nothing_rests_within() -> None:
    (found,), _ = told((LINEAR, [("1", "1")], [("2", "1")]))
    assert (found["DEPTH_BID_100BP"], found["DEPTH_ASK_100BP"]) == (0, 0)


def test_books_of_markets_that_are_not_followed_cost_nothing() -> None:
    books = [(LINEAR, [("1", "1")], [("2", "1")]), (THOUSANDS, [("1", "1")], []), (LINEAR, [("1", "1")], [("3", "1")])]
    found, refused = told(*books, symbols=frozenset({"BTCUSDT"}))
    assert [bool(each) for each in found] == [True, False, True]
    assert refused == 0
    assert told(books[1], symbols=frozenset({"BTCUSDT"})) == ([{}], 0)


def test_books_come_after_other_context_of_the_same_frames() -> None:
    found = Decoded()
    found.context.append(0, LINEAR, ContextField.MARK, 1.5, 1)
    found.books.append(1, LINEAR, 2, ([(1.0, 1.0)], [(1.0001, 1.0)]))
    context = Ingest(Instruments("v", SPECS)).rows(found, [10 * MS, 11 * MS]).context
    assert context["field"].tolist() == [0, 4, 5, 6, 7]
    assert context["ts_recv"].tolist() == [10 * MS] + [11 * MS] * 4
    assert context["ts_event"].tolist() == [MS] + [2 * MS] * 4


def oracle(instrument: int, bids: Levels, asks: Levels) -> dict[str, Decimal]:
    """The same by decimals, a level at a time."""
    spec = SPECS[instrument]
    value, multiplier = Decimal(str(spec.contract_value)), Decimal(str(spec.multiplier))
    sides = {name: [(Decimal(p), Decimal(s)) for p, s in side] for name, side in (("BID", bids), ("ASK", asks))}
    if not (bids and asks) or sides["BID"][0][0] >= sides["ASK"][0][0]:
        return {}
    mid = (sides["BID"][0][0] + sides["ASK"][0][0]) / 2
    found: dict[str, Decimal] = {}
    for name, side in sides.items():
        price, size = side[0]
        found[name] = price / multiplier
        found[f"{name}_QUANTITY"] = size * value * multiplier / (price if spec.inverse else 1)
        for label, part in (("10BP", Decimal("0.001")), ("100BP", Decimal("0.01"))):
            inside = [(p, s) for p, s in side if abs(p - mid) <= mid * part]
            if abs(side[-1][0] - mid) >= mid * part and spec.quote != "BTC":
                usd = sum((s * value * (1 if spec.inverse else p) for p, s in inside), Decimal(0))
                found[f"DEPTH_{name}_{label}"] = usd
    return found


@st.composite
def books(draw: st.DrawFn) -> tuple[int, Levels, Levels]:
    scale = draw(st.sampled_from([Decimal("1e-6"), Decimal("0.01"), Decimal(1)]))
    mid = draw(st.integers(1_000, 60_000))
    offsets = st.lists(st.integers(-5, 900), max_size=12, unique=True).map(sorted)
    sizes = st.integers(1, 10**6)
    bids = [(str((mid - each) * scale), str(draw(sizes))) for each in draw(offsets)]
    asks = [(str((mid + each) * scale), str(draw(sizes))) for each in draw(offsets)]
    return draw(st.sampled_from(range(len(SPECS)))), bids, asks


@given(st.lists(books(), max_size=6))
def test_depth_equals_exact_arithmetic(given_books: list[tuple[int, Levels, Levels]]) -> None:
    found, refused = told(*given_books)
    expected = [oracle(*book) for book in given_books]
    assert refused == sum(not each for each in expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            assert mine[name] == pytest.approx(float(value), rel=1e-9)


def test_no_books_are_nothing() -> None:
    none = np.empty(0)
    found = tell([], [], Units(none, none, none, none.astype(np.bool_)))
    assert (found.value.size, found.refused) == (0, 0)
