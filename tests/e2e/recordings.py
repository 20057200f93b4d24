"""Recordings as a venue would have made them, out of its simulation."""

from __future__ import annotations

from pathlib import Path

from foreshock_lab.domain.scenario import generate
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.events import ContextField
from foreshock_sdk.simulation import SimContext, SimLiquidation

START_MS = 1_790_000_000_000
STEP_MS = 100


def record(path: Path, venue: str, scenario: str, seconds: float) -> list[bytes]:
    """Write what a venue would have sent: its throttle's frames and its mark prices, in order; return the frames."""
    script = Plugins().simulations()[venue]
    timeline = generate(scenario, seed=3, duration_s=seconds, listings={venue: script.listing()})
    rows = list(timeline.rows())
    frames: list[str | bytes] = []
    for now in range(0, round(seconds * 1_000) + 2_000, STEP_MS):
        due = [row for row in rows if row.at_ms <= now]
        rows = rows[len(due) :]
        script.offer(
            [
                SimLiquidation(at, row.raw_symbol, row.liquidated_side, row.price, row.size, START_MS + row.event_ms)
                for at, row in enumerate(due)
            ]
        )
        mark = SimContext("BTCUSDT", ContextField.MARK, 60_000.0 + now / 100, START_MS + now)
        frames += [push.frame for push in (*script.context([mark], START_MS + now), *script.due(START_MS + now))]
    written = [frame.encode() if isinstance(frame, str) else frame for frame in frames]
    path.write_bytes(b"\n".join(written))
    return written
