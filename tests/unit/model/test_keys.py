"""Names of streams and keys are what architecture and README say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model import keys


def test_partition_keys_share_one_hash_tag() -> None:
    assert keys.events(3) == "events:{p3}"
    assert keys.metrics(3) == "metrics:{p3}"
    assert keys.signals(3) == "signals:{p3}"
    assert keys.state("velocity", 3) == "state:velocity:{p3}"
    assert keys.cursor("velocity", 3) == "cursor:velocity:{p3}"
    assert keys.lease("velocity", 3) == "lease:velocity:{p3}"
    assert keys.dead(keys.events(3)) == "events:{p3}:dead"


def test_keys_for_people() -> None:
    assert keys.velocity_current("BTCUSDT") == "velocity:BTCUSDT:current"
    assert keys.mark_current("BTCUSDT") == "mark:BTCUSDT:current"
    assert keys.funding_current("BTCUSDT") == "funding:BTCUSDT:current"
    assert keys.probability("BTCUSDT") == "cascade:probability:BTCUSDT"
    assert keys.history("BTCUSDT") == "cascade:signals:history:BTCUSDT"
    assert keys.config("velocity") == "config:velocity"
    assert keys.config_history("velocity") == "config:velocity:history"
    assert keys.alive("velocity", "0") == "alive:velocity:0"
    assert keys.epoch("feeds:0") == "epoch:feeds:0"


def test_keys_of_the_house() -> None:
    """A running house of another version must find them where they are."""
    assert (keys.ALIVE_KNOWN, keys.FEEDS_BAD) == ("alive:known", "feeds:bad")
    assert (keys.WATCHDOG_LEASE, keys.WATCHDOG_STATE) == ("lease:watchdog", "watchdog:state")
    assert (keys.MARKET_LEASE, keys.MARKET_STATE) == ("lease:market", "state:market")


@given(st.text(), st.integers(1, 1_024))
def test_a_symbol_has_one_partition(symbol: str, partitions: int) -> None:
    assert 0 <= keys.partition_of(symbol, partitions) < partitions
    assert keys.partition_of(symbol, 1) == 0


def test_partitions_are_those_of_crc32() -> None:
    """Fixed for ever: another language must come to the same partition."""
    assert keys.partition_of("BTCUSDT", 1 << 32) == 0xAC8EA3C3
    assert (keys.partition_of("BTCUSDT", 8), keys.partition_of("ETHUSDT", 8)) == (3, 4)


@given(st.integers(0, 2**40), st.integers(0, 2**20), st.integers(0, 1_023), st.integers(0, 1_023))
def test_outputs_of_an_input_stand_in_order_between_those_of_its_neighbours(
    ms: int, seq: int, first: int, second: int
) -> None:
    def place(entry_id: str) -> tuple[int, ...]:
        return tuple(int(part) for part in entry_id.split("-"))

    one, two = place(keys.output_id(f"{ms}-{seq}", first)), place(keys.output_id(f"{ms}-{seq}", second))
    assert (one < two) == (first < second)
    assert two < place(keys.output_id(f"{ms}-{seq + 1}", 0))


def test_output_ids_are_spelled_out() -> None:
    assert keys.output_id("1700000000000-2", 5) == "1700000000000-2053"


@pytest.mark.parametrize("entry_id", ["", "x", "1-2-3", "5"])
def test_an_id_that_is_none_is_refused(entry_id: str) -> None:
    with pytest.raises(ValueError):
        keys.output_id(entry_id, 0)


@pytest.mark.parametrize("k", [-1, 1_024])
def test_an_output_beyond_its_room_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1023"):
        keys.output_id("1-0", k)
