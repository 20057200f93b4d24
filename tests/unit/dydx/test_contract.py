from __future__ import annotations

from pathlib import Path

from foreshock_dydx import plugin
from foreshock_dydx.connector import DydxConnector
from foreshock_dydx.simulation import DydxScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestDydx(ConnectorContract):
    connector = DydxConnector()
    script = DydxScript
    golden = tuple((FRAMES / f"{name}.json").read_text() for name in ("v4_trades_liquidated_2024", "v4_trades_batched"))
    plain = True


def test_the_plugin_brings_both() -> None:
    assert [type(each) for each in plugin.foreshock_connectors()] == [DydxConnector]
    assert [type(each) for each in plugin.foreshock_simulations()] == [DydxScript]
