"""Shares of the market: packaged, then measured."""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.coverage import HOUR_NS, PackagedShares, Shares, packaged

START = 500_000 * HOUR_NS
TABLE = PackagedShares("2026-11-20", "estimate", "made up", {"binance": 0.4, "okx": 0.2, "deep": 0.3}, 0.1)


def day(shares: Shares, usd: dict[str, float], hours: int = 24, live: float = 1.0) -> int:
    """Let hours pass with so many USD an hour by venue; return the time after them."""
    for hour in range(hours):
        for venue, dollars in usd.items():
            ts = START + hour * HOUR_NS + np.array([1, HOUR_NS // 2])
            shares.add(venue, np.array([dollars / 2, dollars / 2]), ts, int(ts[-1]))
            for quarter in range(1, 5):
                shares.lived(venue, live, 900, START + hour * HOUR_NS + quarter * HOUR_NS // 4 - 1)
    return START + hours * HOUR_NS - 1


def test_the_packaged_table_is_dated_says_what_it_is_and_is_of_the_whole_market() -> None:
    table = packaged()
    assert date.fromisoformat(table.checked) <= date(2100, 1, 1)
    assert table.kind == "estimate"
    assert len(table.words) > 100
    assert sum(table.venues.values()) + table.others == pytest.approx(1.0)


def test_before_a_day_was_seen_the_packaged_shares_hold() -> None:
    shares = Shares(["binance", "okx"], table=TABLE)
    now = day(shares, {"binance": 1.0, "okx": 9.0}, hours=21)
    assert shares.of(now) == {"binance": 0.4, "okx": 0.2}
    assert shares.source("okx", now) == "packaged"


def test_after_a_day_venues_divide_what_they_have_together_by_what_they_liquidated() -> None:
    shares = Shares(["binance", "okx"], table=TABLE)
    now = day(shares, {"binance": 1.0, "okx": 9.0})
    assert shares.of(now) == {"binance": 0.06, "okx": 0.54}
    assert shares.source("okx", now) == "measured"


def test_a_venue_that_went_silent_keeps_its_share_and_falls_back_to_the_packaged_one() -> None:
    shares = Shares(["binance", "okx"], table=TABLE)
    now = day(shares, {"binance": 1.0, "okx": 9.0})
    for hour in range(1, 25):
        shares.lived("binance", 1.0, 3_600, now + hour * HOUR_NS)
        shares.add("binance", np.array([1.0]), np.array([now + hour * HOUR_NS]), now + hour * HOUR_NS)
        found = shares.of(now + hour * HOUR_NS)
        assert found["okx"] == pytest.approx(0.54 if hour <= 3 else 0.2, abs=0.03), hour
    assert found == {"binance": 0.4, "okx": 0.2}


def test_a_day_without_any_liquidation_measures_nothing() -> None:
    shares = Shares(["binance", "okx"], table=TABLE)
    now = day(shares, {"binance": 0.0, "okx": 0.0})
    assert shares.of(now) == {"binance": 0.4, "okx": 0.2}
    assert shares.source("okx", now) == "packaged"


def test_venues_the_table_does_not_name_divide_what_all_others_have() -> None:
    assert Shares(["binance", "new", "newer"], table=TABLE).of(START) == {"binance": 0.4, "new": 0.05, "newer": 0.05}


def test_a_venue_that_cannot_be_seen_whole_has_no_share() -> None:
    shares = Shares(["binance", "deep"], ["deep"], TABLE)
    now = day(shares, {"binance": 1.0, "deep": 9.0})
    assert shares.of(now) == {"binance": 0.4, "deep": 0.0}
    assert shares.source("deep", now) == "partial"


def test_liquidations_older_than_a_day_or_from_the_future_are_nothing() -> None:
    shares = Shares(["okx"], table=TABLE)
    shares.add("okx", np.array([1.0, 2.0, 4.0]), START + HOUR_NS * np.array([-25, 0, 1]), START)
    assert msgspec.json.decode(shares.dump("okx")) == {str(START // HOUR_NS): {"usd": 2.0, "seconds": 0.0}}


def test_what_is_kept_is_a_day_however_long_it_runs() -> None:
    shares = Shares(["okx"], table=TABLE)
    day(shares, {"okx": 1.0}, hours=200)
    assert len(msgspec.json.decode(shares.dump("okx"))) == 25


def test_an_hour_has_no_more_seconds_than_it_has() -> None:
    shares = Shares(["okx"], table=TABLE)
    shares.lived("okx", 1.0, 1e9, START)
    assert b'"seconds":3600.0' in shares.dump("okx")


def test_a_restart_goes_on_and_damage_is_left_behind() -> None:
    shares, later = Shares(["binance", "okx"], table=TABLE), Shares(["binance", "okx"], table=TABLE)
    now = day(shares, {"binance": 1.0, "okx": 9.0})
    later.load({each: shares.dump(each) for each in shares.venues} | {"gone": b"{}"})
    assert later.of(now) == shares.of(now)
    for damaged in (b"", b"{", b'{"1":{"usd":-1}}', b'{"1":{"usd":NaN}}', b"[]"):
        broken = Shares(["okx"], table=TABLE)
        broken.load({"okx": damaged})
        assert broken.of(now) == {"okx": 0.2}


usd = st.dictionaries(st.sampled_from(["binance", "okx", "deep", "new"]), st.floats(0, 1e9), min_size=1)


@given(usd, st.integers(0, 30))
def test_shares_never_claim_more_than_the_table_gives_to_those_who_are_read(usd: dict[str, float], hours: int) -> None:
    shares = Shares(usd, table=TABLE)
    now = day(shares, usd, hours) if hours else START
    whole = sum(shares.packaged_share(venue) for venue in usd)
    assert sum(shares.of(now).values()) == pytest.approx(whole, abs=1e-5)
    assert all(0 <= share <= 1 for share in shares.of(now).values())
