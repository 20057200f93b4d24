"""The example of docs/embedding.md does what its text says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/embedding.md"
FRAMES = Path(__file__).parents[1] / "unit/binance/frames"
LINES = 15


def example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def test_the_example_is_short() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= LINES


def test_the_example_prints_each_liquidation_once() -> None:
    frame = json.dumps(json.loads((FRAMES / "forceOrder_live_2026-10-09_arr_combined.json").read_text()))
    done = subprocess.run(
        [sys.executable, "-c", example(), "binance"],
        input=f"{frame}\n{frame}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"BTCUSDT LONG {0.190 * 82651.90:.2f}\n"
