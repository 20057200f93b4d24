"""All scenarios, ten seeds each, through the whole pure road: ALERT where it should be, none where it should not."""

from __future__ import annotations

import pytest

from foreshock_lab.demo import DemoOptions, make_timeline, simulations
from foreshock_lab.domain.offline import run_offline
from foreshock_lab.domain.scenario import SCENARIOS
from foreshock_model.signal import Level

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_ten_seeds_behave_as_said(scenario: str) -> None:
    for seed in range(10):
        venues = simulations()
        rate = 300.0 if scenario == "stress" else None
        timeline = make_timeline(DemoOptions(scenario=scenario, seed=seed, rate=rate), venues.scripts)
        run = run_offline(timeline, venues.scripts, venues.connectors)
        highest = max((Level[said.level] for _, said in run.signals), default=Level.NONE)
        print(f"{scenario} {seed}: {run.rows} rows, {len(run.signals)} signals, highest {highest.name}")
        if SCENARIOS[scenario].alerts is not None:
            assert (highest >= Level.ALERT) is SCENARIOS[scenario].alerts, (seed, highest)
