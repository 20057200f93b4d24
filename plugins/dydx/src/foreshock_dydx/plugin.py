"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_dydx.connector import DydxConnector
from foreshock_dydx.simulation import DydxScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the dYdX connector."""
    return [DydxConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated dYdX."""
    return [DydxScript()]
