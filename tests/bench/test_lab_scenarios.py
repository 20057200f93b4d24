"""All scenarios, ten seeds each, through the real house: ALERT where it should be, none where it should not.

The same through the pure road alone is among the unit tests.
"""

from __future__ import annotations

import pytest

from foreshock_lab.demo import DemoOptions, run_demo
from foreshock_lab.domain.scenario import SCENARIOS
from foreshock_lab.summary import highest
from foreshock_model.signal import Level

pytestmark = pytest.mark.bench
SECONDS = 10.0


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_ten_seeds_behave_as_said(scenario: str) -> None:
    for seed in range(10):
        rate = 300.0 if scenario == "stress" else None
        options = DemoOptions(scenario=scenario, seed=seed, rate=rate, duration_s=SECONDS, tcp_port=None)
        summary = await run_demo(options)
        level = highest(summary.signals)
        print(
            f"{scenario} {seed}: {summary.events.sent} rows, {sum(summary.signals.values())} signals, "
            f"highest {level.name}, p99 {summary.latency_ms.socket_to_signal.p99:.1f} ms"
        )
        assert summary.ok, summary.problems
        if SCENARIOS[scenario].alerts is not None:
            assert (level >= Level.ALERT) is SCENARIOS[scenario].alerts, (seed, level)
