"""Random faults in mid-run: nothing missing without a record, nothing doubled, the streams as in an unbroken run.

CHAOS_SEEDS in the environment sets how many schedules are tried.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from foreshock_lab.chaos import run_chaos
from foreshock_lab.demo import DemoOptions
from foreshock_lab.domain.faults import Fault, FaultKind, schedule

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

SECONDS = 8.0
SEEDS = int(os.environ.get("CHAOS_SEEDS", "1"))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_house_survives_a_random_schedule(seed: int, tmp_path: Path) -> None:
    faults = schedule(seed, duration_s=SECONDS)
    report = await run_chaos(_options(tmp_path, seed), faults)
    assert report.ok, report.describe()


async def test_what_is_lost_with_feeds_is_a_recorded_gap(tmp_path: Path) -> None:
    faults = (Fault(at_s=4.0, kind=FaultKind.KILL, target="feeds"),)
    report = await run_chaos(_options(tmp_path, 7), faults)
    assert report.ok, report.describe()
    assert {gap.route.partition("/")[0] for gap in report.gaps} >= {"binance", "okx"}


def _options(place: Path, seed: int) -> DemoOptions:
    return DemoOptions(
        scenario="cascade", seed=seed, duration_s=SECONDS, rate=30.0, partitions=2, tcp_port=None, run_dir=place
    )
