"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_hyperliquid.connector import HyperliquidConnector
from foreshock_hyperliquid.simulation import HyperliquidScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Hyperliquid connector."""
    return [HyperliquidConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Hyperliquid."""
    return [HyperliquidScript()]
