"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_binance.connector import BinanceConnector
from foreshock_binance.simulation import BinanceScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Binance connector."""
    return [BinanceConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Binance."""
    return [BinanceScript()]
