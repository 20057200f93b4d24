from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_sdk.identity import event_key, float_bits, format_key, seed_of, text_identity

FLOATS = st.floats(allow_nan=False)
FIELDS = st.tuples(st.sampled_from([0, 1]), st.integers(1, 4_102_444_799_999), FLOATS, st.tuples(FLOATS, FLOATS))


def test_a_key_is_the_same_in_every_process() -> None:
    """Stored keys must outlive the process: these numbers may never change."""
    seed = seed_of("binance", "BTCUSDT")
    assert seed == 0xF61A3AF7617421FB
    assert format_key(event_key(seed, 0, 1791565602120, 0.19, (0.19, 82338.3))) == "b9e16bd0eda563cb"
    assert format_key(event_key(seed, 0, 1791565602120, 0.19, (0.19, 82338.3), 1)) == "afabf242c14228b0"


@given(FIELDS, FIELDS)
def test_other_fields_give_other_keys(
    one: tuple[int, int, float, tuple[float, float]], two: tuple[int, int, float, tuple[float, float]]
) -> None:
    seed = seed_of("v", "X")
    same = [one[:2], *map(float_bits, (one[2], *one[3]))] == [two[:2], *map(float_bits, (two[2], *two[3]))]
    assert (event_key(seed, *one) == event_key(seed, *two)) == same


@given(FIELDS, st.integers(0, 1000), st.integers(0, 1000))
def test_twins_are_told_apart(fields: tuple[int, int, float, tuple[float, float]], one: int, two: int) -> None:
    seed = seed_of("v", "X")
    assert (event_key(seed, *fields, one) == event_key(seed, *fields, two)) == (one == two)


def test_venues_and_contracts_have_seeds_of_their_own() -> None:
    names = [(venue, symbol) for venue in ("a", "b", "ab") for symbol in ("c", "bc", "")]
    assert len({seed_of(*name) for name in names}) == len(names)
    assert all(0 <= seed_of(*name) < 1 << 64 for name in names)


def test_a_text_becomes_two_exact_numbers() -> None:
    """48 bits a column: a float64 holds them exactly, so that columns and rows give one key."""
    first, second = text_identity("e7f3a144-5c04-4ed6-999e-5922cd0b6160")
    assert (first, second) == text_identity("e7f3a144-5c04-4ed6-999e-5922cd0b6160")
    assert first.is_integer()
    assert second.is_integer()
    assert 0 <= min(first, second) <= max(first, second) < 2.0**48
    assert text_identity("e7f3a144-5c04-4ed6-999e-5922cd0b6161") not in {(first, second), (second, first)}
    assert text_identity("\ud800") != text_identity("")
