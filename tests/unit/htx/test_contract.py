from __future__ import annotations

from pathlib import Path

from foreshock_htx.connector import HtxConnector
from foreshock_htx.simulation import HtxVenue
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestHtx(ConnectorContract):
    connector = HtxConnector()
    script = HtxVenue
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("liquidation_*.json")))
