from __future__ import annotations

from pathlib import Path

from foreshock_hyperliquid.connector import HyperliquidConnector
from foreshock_hyperliquid.simulation import HyperliquidScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"
GOLDEN = ("userFills_liquidated_long_market", "ws_user_fill_liquidation", "node_fills_block_liquidation")


class TestHyperliquid(ConnectorContract):
    connector = HyperliquidConnector()
    script = HyperliquidScript
    golden = tuple((FRAMES / f"{name}.json").read_text() for name in GOLDEN)
