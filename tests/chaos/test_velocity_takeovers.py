"""kill -9, a pause that outlasts the lease, an orderly end and a killed server, on random schedules.

Velocity alone answers a stream that is there beforehand: its metrics must be, byte for byte, those of one unbroken run;
none missing, none twice. CHAOS_SEEDS in the environment sets how many schedules are tried.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.chaos.velocity_drill import Drill, schedule

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]
SEEDS = int(os.environ.get("CHAOS_SEEDS", "2"))


@pytest.fixture(scope="module")
def drill() -> Iterator[Drill]:
    """A server and two processes, the same for all schedules."""
    made = Drill()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_metrics_are_those_of_an_unbroken_run(drill: Drill, seed: int) -> None:
    faults = schedule(seed)
    found = drill.run(faults)
    for partition, (stored, expected) in enumerate(zip(found, drill.expected, strict=True)):
        assert [key for key, _ in stored] == [key for key, _ in expected], (partition, faults)
        assert stored == expected, (partition, faults)
