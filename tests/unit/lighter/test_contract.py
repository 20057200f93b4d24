from __future__ import annotations

from foreshock_lighter.connector import LighterConnector
from foreshock_lighter.samples import LONG, SHORT
from foreshock_lighter.simulation import LighterScript
from foreshock_sdk.contract import ConnectorContract


class TestLighter(ConnectorContract):
    connector = LighterConnector()
    script = LighterScript
    golden = (SHORT, LONG)
