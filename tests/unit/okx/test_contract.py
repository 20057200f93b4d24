from __future__ import annotations

from pathlib import Path

from foreshock_okx.connector import OkxConnector
from foreshock_okx.simulation import OkxScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestOkx(ConnectorContract):
    connector = OkxConnector()
    script = OkxScript
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("liquidation-orders_*.json")))
