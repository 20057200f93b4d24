"""Hypothesis strategies for batches and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef
from foreshock_model.metric_columns import layout
from foreshock_model.metrics import WindowMetrics

NAMES = st.text(min_size=0, max_size=8)
WINDOWS = st.lists(st.integers(1, 2**31), min_size=1, max_size=8).map(tuple)
REFS = st.builds(InstrumentRef, NAMES, NAMES, NAMES, NAMES, st.floats(allow_nan=False, allow_infinity=True))


def random_column(random: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Return a column of arbitrary bits."""
    kind = np.dtype(dtype)
    data = random.bytes(int(np.prod(shape)) * kind.itemsize)
    return np.frombuffer(data, kind).reshape(shape)


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    """Batches of any size with arbitrary values."""
    refs = tuple(draw(st.lists(REFS, max_size=5)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))

    def columns(layout_: tuple[tuple[str, str], ...]) -> Columns:
        rows = draw(st.integers(0, 6)) if refs else 0
        found = {name: random_column(random, dtype, (rows,)) for name, dtype in layout_}
        found["instrument"] = random.integers(0, max(len(refs), 1), rows).astype("<u2")
        return found

    return EventBatch(refs, columns(LIQUIDATION_COLUMNS), columns(CONTEXT_COLUMNS))


@st.composite
def metrics(draw: st.DrawFn) -> WindowMetrics:
    """Metrics of any shape with arbitrary values."""
    symbols = tuple(draw(st.lists(NAMES, max_size=4)))
    venues = tuple(draw(st.lists(NAMES, max_size=4)))
    windows = draw(WINDOWS)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shapes = layout(len(symbols), len(venues), len(windows))
    columns: dict[str, Any] = {name: random_column(random, dtype, shape) for name, dtype, shape in shapes}
    return WindowMetrics(symbols=symbols, venues=venues, windows_ms=windows, warming=draw(st.booleans()), **columns)
