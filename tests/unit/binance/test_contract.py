from __future__ import annotations

from pathlib import Path

from foreshock_binance.connector import BinanceConnector
from foreshock_binance.simulation import BinanceScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestBinance(ConnectorContract):
    connector = BinanceConnector()
    script = BinanceScript
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("forceOrder_*.json")))
