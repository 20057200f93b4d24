from __future__ import annotations

from pathlib import Path

from foreshock_deribit import plugin
from foreshock_deribit.connector import DeribitConnector
from foreshock_deribit.simulation import DeribitScript
from foreshock_sdk.contract import ConnectorContract

FRAMES = Path(__file__).parent / "frames"


class TestDeribit(ConnectorContract):
    connector = DeribitConnector()
    script = DeribitScript
    golden = tuple((FRAMES / f"{name}.json").read_text() for name in ("trades_liquidation_T", "trades_liquidation_buy"))
    plain = True


def test_the_plugin_brings_both() -> None:
    assert [type(each) for each in plugin.foreshock_connectors()] == [DeribitConnector]
    assert [type(each) for each in plugin.foreshock_simulations()] == [DeribitScript]
