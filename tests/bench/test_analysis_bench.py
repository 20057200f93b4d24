"""What the conclusions beyond windows cost: at each 100 ms step, an event, a row of an answer."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import pytest
from tests.bench.conftest import Record
from tests.bench.test_velocity_bench import batches, seconds
from tests.unit.velocity.entries_made import MS, NOW, Writer, metrics_of

from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.evaluate import Selection
from foreshock_velocity.domain.telling import insight

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]

SYMBOLS = 1_000


def warm() -> VelocityState:
    """A state whose every venue of every symbol spoke, Binance's throttled, correlations defined."""
    state = VelocityState()
    caps = msgspec.json.encode({"caps": {"binance": [1, 1_000]}})
    state.advance("1-0", Writer("caps").entry("tick", NOW, caps))
    for entry in batches(40, 8 * SYMBOLS, SYMBOLS, step=1_000 * MS):
        answer = state.advance("1-1", entry)
    assert len(metrics_of(answer).symbols) > 0.9 * SYMBOLS
    return state


def test_what_the_analysis_costs(record: Record) -> None:
    state = warm()
    analysis, book, now = state._analysis, state._book, state.now
    steps = [seconds(partial(analysis.settle, book, now + step * 100 * MS)) for step in range(1, 41)]
    metrics = state.look(book.registry.symbols)
    one = state.look(book.registry.symbols[:1])
    rows, row = (
        Selection(ids, ids, ids, *book.registry.table(ids)) for ids in (np.arange(len(metrics.symbols)), np.arange(1))
    )
    many_us = seconds(partial(insight, analysis, book, metrics, rows), 20) * 1e6
    one_us = seconds(lambda: [insight(analysis, book, one, row) for _ in range(100)], 5) * 1e4
    record("analysis_step_us", float(np.median(steps)) * 1e6, "step of 100 ms without news: {:,.0f} us")
    record("analysis_second_us", max(steps) * 1e6, f"once a second, {analysis.correlation.size} pairs: {{:,.0f}} us")
    record("analysis_row_us", one_us, "a row alone: {:,.0f} us")
    record("analysis_1000_rows_us", many_us, "1,000 rows: {:,.0f} us")
    record("analysis_bytes_a_symbol", analysis.nbytes / SYMBOLS, "{:,.0f} bytes a symbol")
    assert np.median(steps) < 0.010, "a tenth of the step itself"
    assert many_us / SYMBOLS < one_us / 5, "rows told together cost a fraction of one told alone"
    assert analysis.nbytes / SYMBOLS < 4_000
