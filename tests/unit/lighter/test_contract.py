from __future__ import annotations

from pathlib import Path

from foreshock_lighter.connector import LighterConnector
from foreshock_lighter.simulation import LighterScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestLighter(ConnectorContract):
    connector = LighterConnector()
    script = LighterScript
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("*.json")))
