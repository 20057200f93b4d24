"""How sockets of each purpose are kept, and how long is waited between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.policy import POLICIES, STABLE_NS, Retry, heartbeat_of
from foreshock_sdk.connector import Heartbeat, Purpose


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_has_a_policy_within_what_venues_and_networks_bear(purpose: Purpose) -> None:
    policy = POLICIES[purpose]
    assert 20 <= policy.ping <= 30
    assert 5 <= policy.pong <= 10
    assert 60 <= policy.idle <= 90
    assert (policy.attempts is None) == (purpose is not Purpose.PRIVATE), "market data never gives up"


def test_a_connector_may_be_stricter_than_the_policy_never_laxer() -> None:
    strict = Heartbeat(interval=5.0, timeout=2.0, frame="ping", idle_timeout=15.0)
    assert heartbeat_of(Purpose.LIQUIDATIONS, strict) == strict
    lax = Heartbeat(interval=500.0, timeout=200.0, frame="ping", idle_timeout=1_500.0)
    assert heartbeat_of(Purpose.CONTEXT, lax) == Heartbeat(interval=30.0, timeout=10.0, frame="ping", idle_timeout=90.0)


def test_the_longest_pause_doubles_up_to_a_cap() -> None:
    retry = Retry(POLICIES[Purpose.LIQUIDATIONS], lambda: 1.0)
    assert [retry.after(0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert retry.after(STABLE_NS + 1) == 0.5, "a connection that lived was a success"
    assert retry.after(STABLE_NS) == 1


@given(st.sampled_from([Purpose.LIQUIDATIONS, Purpose.CONTEXT]), st.floats(0, 1, exclude_max=True), st.integers(1, 99))
def test_jitter_is_full_and_market_data_never_gives_up(purpose: Purpose, chance: float, failures: int) -> None:
    policy = POLICIES[purpose]
    retry = Retry(policy, lambda: chance)
    pauses = [retry.after(0) for _ in range(failures)]
    assert all(0 <= pause <= policy.cap for pause in pauses)
    assert pauses[-1] == chance * min(policy.cap, policy.first * 2 ** (failures - 1))
    assert not retry.open


def test_private_streams_end_in_an_open_breaker_with_one_trial_at_a_time() -> None:
    policy = POLICIES[Purpose.PRIVATE]
    retry = Retry(policy, lambda: 1.0)
    assert [retry.after(0) for _ in range(4)] == [1, 2, 4, 8]
    assert not retry.open
    assert [retry.after(0), retry.open, retry.after(0), retry.open] == [60, True, 60, True]
    assert [retry.after(STABLE_NS + 1), retry.open] == [1, False]
