"""How many partitions a process should own: even shares that every process works out alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime.alive import Heartbeat
from foreshock_runtime.balance import equals, share_of

NAMES = st.lists(st.text("abc-0123", min_size=1, max_size=6), min_size=1, max_size=12, unique=True).map(sorted)


@given(NAMES, st.integers(1, 64))
def test_shares_add_up_and_differ_by_one_at_most(instances: list[str], partitions: int) -> None:
    shares = [share_of(each, instances, partitions) for each in instances]
    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1


def beat(instance: str, service: str = "velocity", *, leaving: bool = False) -> Heartbeat:
    return Heartbeat(service=service, instance=instance, pid=1, version="", leaving=leaving)


def test_equals_are_the_living_of_the_same_service_that_stay() -> None:
    heartbeats = [beat("b"), beat("c", leaving=True), beat("d", "signals"), beat("a")]
    assert equals(heartbeats, "velocity", "a") == ["a", "b"]


def test_a_process_counts_itself_before_its_first_heartbeat() -> None:
    assert equals([], "velocity", "new") == ["new"]
