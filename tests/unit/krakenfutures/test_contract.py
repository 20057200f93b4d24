from __future__ import annotations

from pathlib import Path

from foreshock_krakenfutures import plugin
from foreshock_krakenfutures.connector import KrakenFuturesConnector
from foreshock_krakenfutures.simulation import KrakenFuturesScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestKrakenFutures(ConnectorContract):
    connector = KrakenFuturesConnector()
    script = KrakenFuturesScript
    golden = tuple(path.read_text() for path in sorted(FRAMES.glob("trade_liquidation_*.json")))
    plain = True


def test_the_plugin_brings_both() -> None:
    assert [type(each) for each in plugin.foreshock_connectors()] == [KrakenFuturesConnector]
    assert [type(each) for each in plugin.foreshock_simulations()] == [KrakenFuturesScript]
