from __future__ import annotations

from pathlib import Path

from foreshock_gate.connector import GateConnector
from foreshock_gate.simulation import GateVenue
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestGate(ConnectorContract):
    connector = GateConnector()
    script = GateVenue
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("public_liquidates_update_*.json")))
