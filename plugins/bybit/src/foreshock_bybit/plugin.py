"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_bybit.connector import BybitConnector
from foreshock_bybit.simulation import BybitScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Bybit connector."""
    return [BybitConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Bybit."""
    return [BybitScript()]
