"""What is seen of the market, added up and carried."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model import metrics, sight, wire
from foreshock_model.errors import CodecError
from foreshock_model.metrics import WINDOWS_MS
from foreshock_model.sight import Sight, sight_of
from foreshock_model.tick import VenueLife
from foreshock_protos.velocity.v1 import metrics_pb2

share = st.floats(0, 1)
names = st.lists(st.text(max_size=8), max_size=3).map(tuple)
sights = st.builds(Sight, coverage=share, possible=share, used=names, missing=names)


def test_a_venue_counts_by_the_live_part_of_its_routes() -> None:
    seen = sight_of({"okx": VenueLife(1.0, 0.12), "binance": VenueLife(0.5, 0.3), "bybit": VenueLife(0.0, 0.24)})
    assert seen == Sight(coverage=0.27, possible=0.66, used=("binance", "okx"), missing=("bybit",))


def test_a_venue_that_can_only_be_seen_in_part_adds_nothing_but_is_named() -> None:
    assert sight_of({"hyperliquid": VenueLife(1.0, 0.0)}) == Sight(coverage=0, possible=0, used=("hyperliquid",))


@given(st.dictionaries(st.text(max_size=4), st.builds(VenueLife, share, share), max_size=6))
def test_coverage_is_never_more_than_is_possible_nor_than_the_market(venues: dict[str, VenueLife]) -> None:
    seen = sight_of(venues)
    assert 0 <= seen.coverage <= seen.possible <= 1
    assert sorted(seen.used + seen.missing) == sorted(venues)


@given(sights)
def test_it_is_read_back_and_generated_classes_read_the_same(seen: Sight) -> None:
    assert sight.decode(sight.encode(seen)) == seen
    message = metrics_pb2.Sight.FromString(sight.encode(seen))
    assert (message.coverage, message.possible) == (seen.coverage, seen.possible)
    assert (tuple(message.used), tuple(message.missing)) == (seen.used, seen.missing)
    assert sight.decode(message.SerializeToString()) == seen


@given(sights)
def test_metrics_carry_it_with_and_without_rows(seen: Sight) -> None:
    told = metrics.nothing(WINDOWS_MS, warming=True, sight=seen)
    found = metrics.decode(metrics.encode(told))
    assert (found.sight, found.symbols, found.warming) == (seen, (), True)


def test_metrics_of_before_are_read_without_it() -> None:
    assert metrics.decode(metrics.encode(metrics.nothing(WINDOWS_MS, warming=False, sight=None))).sight is None


@pytest.mark.parametrize("coverage", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_share_is_refused(coverage: float) -> None:
    with pytest.raises(CodecError, match="coverage"):
        sight.decode(wire.double(1, coverage))


@pytest.mark.parametrize("damaged", [wire.uint(1, 7), wire.delimited(2, b"1234"), wire.delimited(3, b"\xff")])
def test_another_type_is_refused(damaged: bytes) -> None:
    with pytest.raises(CodecError):
        sight.decode(damaged)


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_a_sight_or_a_codec_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        sight.decode(data)
