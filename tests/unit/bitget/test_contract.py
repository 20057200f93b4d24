from __future__ import annotations

from functools import partial
from pathlib import Path

from foreshock_bitget.connector import BitgetConnector
from foreshock_bitget.simulation import BitgetVenue
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"
GOLDEN = tuple(path.read_text() for path in sorted(FRAMES.glob("liquidation_*.json")))


class TestBitget(ConnectorContract):
    connector = BitgetConnector()
    script = BitgetVenue
    golden = GOLDEN


class TestBitgetWithCoinMarginedContractsInUsd(ConnectorContract):
    connector = BitgetConnector().configured({"coin_futures_amount": "quote"})
    script = partial(BitgetVenue, "quote")
    golden = GOLDEN


class TestBitgetWithCoinMarginedContractsInCoins(ConnectorContract):
    connector = BitgetConnector().configured({"coin_futures_amount": "base"})
    script = partial(BitgetVenue, "base")
    golden = GOLDEN
