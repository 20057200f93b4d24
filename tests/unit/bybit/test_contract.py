from __future__ import annotations

from pathlib import Path

from foreshock_bybit.connector import BybitConnector
from foreshock_bybit.simulation import BybitScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestBybit(ConnectorContract):
    connector = BybitConnector()
    script = BybitScript
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("allLiquidation_*.json")))
