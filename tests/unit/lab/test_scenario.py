"""Scenarios: equal arguments make equal timelines, and each is what its name says."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreshock_lab.domain.contracts import base_price, tabulate
from foreshock_lab.domain.flow import pick
from foreshock_lab.domain.scenario import SCENARIOS, generate
from foreshock_lab.domain.timeline import Oddity, Timeline
from foreshock_sdk import InstrumentSpec, LiquidatedSide

VENUES = ("alpha", "beta", "gamma")


def spec(venue: str, raw: str, base: str, **more: Any) -> InstrumentSpec:
    return InstrumentSpec(venue=venue, raw_symbol=raw, base=base, **{"quote": "USDT", **more})


LISTINGS = {
    venue: [
        *(spec(venue, f"{base}USDT", base) for base in ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "ODD")),
        spec(venue, "BTC-SWAP", "BTC", contract_value=0.01),
        spec(venue, "BTCUSD", "BTC", quote="USD", contract_value=100.0, inverse=True),
        spec(venue, "1000PEPEUSDT", "PEPE", multiplier=1000.0, contract_base="1000PEPE"),
        spec(venue, "BTC-261225", "BTC", expiry="261225"),
        spec(venue, "BTCUSDC", "BTC", quote="USDC"),
        spec(venue, "ETHBTC", "ETH", quote="BTC"),
    ]
    for venue in VENUES
}


def made(scenario: str, seed: int = 1, duration_s: float = 30.0, **more: float) -> Timeline:
    return generate(scenario, seed=seed, duration_s=duration_s, listings=LISTINGS, **more)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_equal_arguments_make_equal_timelines_and_other_seeds_others(scenario: str) -> None:
    rate = 50.0
    one, two, other = (made(scenario, seed, 10, rate=rate) for seed in (5, 5, 6))
    assert list(one.rows()) == list(two.rows())
    assert one.episodes == two.episodes
    assert one.oddities == two.oddities
    assert np.array_equal(one.prices.usd, two.prices.usd)
    assert list(one.rows()) != list(other.rows())


@settings(max_examples=20, deadline=None)
@given(
    scenario=st.sampled_from(sorted(SCENARIOS)),
    seed=st.integers(0, 2**32),
    duration_s=st.floats(1, 60),
    correlation=st.floats(0, 1),
)
def test_rows_are_sorted_within_the_run_good_and_all_different(
    scenario: str, seed: int, duration_s: float, correlation: float
) -> None:
    timeline = made(scenario, seed, duration_s, rate=20.0, correlation=correlation)
    rows = list(timeline.rows())
    times = [row.at_ms for row in rows]
    assert times == sorted(times)
    assert all(0 <= at < duration_s * 1000 for at in times)
    assert all(row.price > 0 and row.size > 0 and 0 < row.notional_usd < 60e6 for row in rows)
    keys = [(row.venue, row.raw_symbol, row.liquidated_side, row.event_ms, row.price, row.size) for row in rows]
    assert len(set(keys)) == len(keys)
    assert np.isfinite(timeline.prices.usd).all()
    assert (timeline.prices.usd > 0).all()


def test_prices_and_sizes_are_short_decimals_as_venues_write_them() -> None:
    for row in made("stress", rate=200.0, duration_s=5).rows():
        for value in (row.price, row.size):
            digits = Decimal(repr(value)).normalize()
            assert len(digits.as_tuple().digits) <= 12, row


def test_inverse_sizes_are_whole_contracts_and_notional_is_their_usd() -> None:
    rows = [row for row in made("stress", rate=500.0, duration_s=5).rows() if row.raw_symbol == "BTCUSD"]
    assert rows
    assert all(row.size == int(row.size) >= 1 and row.notional_usd == row.size * 100 for row in rows)


def test_normal_flow_is_bursty_even_when_it_is_rare() -> None:
    share = made("steady", duration_s=80_000, rate=0.02).describe()["within_1s_of_previous"]
    assert 0.7 < share < 0.85


def test_normal_sizes_have_the_measured_median_and_tail() -> None:
    usd = np.array([row.notional_usd for row in made("steady", duration_s=4_000, rate=10.0).rows()])
    assert 700 < np.median(usd) < 1_200
    assert 20_000 < np.percentile(usd, 95) < 50_000
    assert usd.max() <= 1_001_000


@pytest.mark.parametrize("seed", range(10))
def test_steady_has_no_run_of_large_orders_on_one_market(seed: int) -> None:
    timeline = made("steady", seed)
    assert not timeline.episodes
    per_10s = Counter(
        (row.symbol, row.liquidated_side, row.at_ms // 10_000) for row in timeline.rows() if row.notional_usd > 20_000
    )
    assert max(per_10s.values(), default=0) <= 6


@pytest.mark.parametrize("scenario", ["cascade", "flash"])
@pytest.mark.parametrize("seed", range(5))
def test_a_cascade_starts_at_a_third_on_its_leader_and_reaches_every_venue(scenario: str, seed: int) -> None:
    timeline = made(scenario, seed)
    (episode,) = timeline.episodes
    assert episode.start_ms == 10_000
    assert episode.start_ms <= episode.peak_ms + 1_000
    assert episode.peak_ms <= episode.end_ms <= 30_000
    forced = [
        row
        for row in timeline.rows()
        if row.symbol == episode.symbol
        and row.liquidated_side.name == episode.side
        and episode.start_ms <= row.at_ms <= episode.end_ms
    ]
    assert {row.venue for row in forced} == set(VENUES)
    first = next(row for row in forced if row.notional_usd > 5_000)
    assert first.venue == episode.leader
    busiest = max(Counter(row.at_ms // 1000 for row in forced).values())
    assert busiest >= 20
    before = timeline.prices.of(episode.symbol, episode.start_ms)
    after = timeline.prices.of(episode.symbol, episode.end_ms)
    assert (after < before) == (episode.side == LiquidatedSide.LONG.name)
    assert abs(after / before - 1) > 0.008


def test_a_flash_is_over_in_seconds() -> None:
    (episode,) = made("flash").episodes
    assert episode.end_ms - episode.start_ms < 6_000


def test_without_correlation_a_cascade_stays_on_its_leader() -> None:
    timeline = made("cascade", correlation=0.0, rate=0.0)
    assert {row.venue for row in timeline.rows()} == {timeline.episodes[0].leader}


@pytest.mark.parametrize("seed", range(5))
def test_multi_pulls_other_markets_after_the_first(seed: int) -> None:
    episodes = made("multi", seed).episodes
    assert 3 <= len(episodes) <= 5
    assert len({each.symbol for each in episodes}) == len(episodes)
    assert episodes[0].start_ms == min(each.start_ms for each in episodes) == 10_000
    assert len({each.side for each in episodes}) == 1


def test_a_long_run_has_a_cascade_a_minute() -> None:
    starts = [each.start_ms for each in made("cascade", duration_s=200).episodes]
    assert starts == [20_000, 80_000, 140_000]


@given(st.integers(0, 50))
@settings(max_examples=10)
def test_oddities_of_a_kind_never_share_a_second(seed: int) -> None:
    told: dict[tuple[str, Oddity], list[int]] = {}
    for odd in generate("edge", seed=seed, duration_s=20.0, listings=LISTINGS).oddities:
        told.setdefault((odd.venue, odd.kind), []).append(odd.at_ms)
    assert all(after - before > 1_000 for times in told.values() for before, after in pairwise(times))


def test_edge_has_every_oddity_at_every_venue_a_whale_both_sides_and_late_rows() -> None:
    timeline = made("edge", duration_s=60)
    assert not timeline.episodes
    assert {(each.venue, each.kind) for each in timeline.oddities} == {(v, k) for v in VENUES for k in Oddity}
    rows = list(timeline.rows())
    assert sum(row.notional_usd > 49e6 for row in rows) == 1
    twins = [row for row in rows if 39_000 < row.notional_usd < 41_000]
    assert {row.liquidated_side for row in twins if row.at_ms == twins[0].at_ms} == set(LiquidatedSide)
    lateness = [row.at_ms - row.event_ms for row in rows]
    assert max(lateness) > 5_000
    assert min(lateness) < 0
    assert any(row.raw_symbol == "BTCUSD" for row in rows)
    assert any(row.raw_symbol == "1000PEPEUSDT" for row in rows)


def test_edge_works_where_nothing_is_inverse_or_multiplied() -> None:
    timeline = generate("edge", listings={"alpha": [spec("alpha", "BTCUSDT", "BTC")]})
    assert any(row.notional_usd > 49e6 for row in timeline.rows())


def test_a_leader_that_does_not_list_a_follower_gives_way() -> None:
    listings = {
        "alpha": [spec("alpha", "BTCUSDT", "BTC")],
        "beta": [spec("beta", f"{base}USDT", base) for base in ("BTC", "ETH", "SOL")],
    }
    for seed in range(8):
        episodes = generate("multi", seed=seed, listings=listings).episodes
        assert all(each.leader == "beta" for each in episodes if each.symbol != "BTCUSDT")


def test_stress_is_thousands_a_second() -> None:
    rows = made("stress", duration_s=2).describe()["liquidations"]
    assert 4_500 < rows < 7_500


def test_no_flow_at_all_is_allowed() -> None:
    summary = made("steady", rate=0.0).describe()
    assert summary["liquidations"] == 0
    assert summary["within_1s_of_previous"] == 0.0


def test_prices_outside_the_run_are_those_of_its_ends() -> None:
    prices = made("steady").prices
    assert prices.of("BTCUSDT", -5) == prices.of("BTCUSDT", 0) == pytest.approx(95_000)
    assert prices.of("BTCUSDT", 10**9) == prices.of("BTCUSDT", 30_000)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scenario": "calm"}, "scenario: 'calm' is not one of"),
        ({"duration_s": 0.1}, "duration: 0.1"),
        ({"duration_s": float("nan")}, "duration: nan"),
        ({"rate": -1.0}, "rate: -1.0"),
        ({"correlation": 1.5}, "correlation: 1.5"),
    ],
)
def test_arguments_out_of_range_are_named(more: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        generate(**({"scenario": "steady", "listings": LISTINGS} | more))  # type: ignore[arg-type]


def test_a_listing_without_usd_contracts_is_refused() -> None:
    with pytest.raises(ValueError, match="no venue lists"):
        tabulate({"alpha": [spec("alpha", "ETHBTC", "ETH", quote="BTC")]})


def test_an_unknown_coin_has_a_price_of_its_own() -> None:
    assert 0.1 <= base_price("NOSUCHCOIN") <= 10
    assert base_price("NOSUCHCOIN") == base_price("NOSUCHCOIN") != base_price("ANOTHER")


def test_rows_that_would_be_alike_differ_by_a_lot() -> None:
    cheap = [spec("alpha", "SATSUSDT", "SATS")]
    timeline = generate("steady", rate=4_000.0, duration_s=5, listings={"alpha": cheap})
    rows = [(row.event_ms, row.liquidated_side, row.price, row.size) for row in timeline.rows()]
    assert len(set(rows)) == len(rows) > 15_000


def test_a_market_without_a_contract_there_is_refused() -> None:
    contracts = tabulate({"alpha": [spec("alpha", "BTCUSDT", "BTC")]})
    with pytest.raises(ValueError, match="BTCUSDT has no contract there"):
        pick(np.random.default_rng(0), contracts, 0, 1)
