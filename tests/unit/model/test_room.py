"""Columns that lie in one matrix are encoded as those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from foreshock_model.metric_columns import WINDOWED, layout
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics, encode
from foreshock_model.room import room


@pytest.mark.parametrize(("rows", "venues"), [(1, 1), (1, 0), (3, 4)])
def test_a_matrix_is_its_columns_one_below_the_other(rows: int, venues: int) -> None:
    made = room(rows, venues, len(WINDOWS_MS))
    made.matrix[:] = np.arange(made.matrix.size).reshape(made.matrix.shape)
    names: dict[str, Any] = {"symbols": tuple("ABC"[:rows]), "venues": tuple("wxyz"[:venues])}
    dense: dict[str, Any] = {
        name: np.zeros(shape, dtype)
        for name, dtype, shape in layout(rows, venues, len(WINDOWS_MS))
        if name not in made.columns()
    }
    together = WindowMetrics(**names, **dense, **made.columns())
    apart = WindowMetrics(**names, **dense, **(made.columns() | {"matrix": None}))
    assert set(made.columns()) == {"matrix", *(each.name for each in WINDOWED)}
    assert encode(together) == encode(apart)
