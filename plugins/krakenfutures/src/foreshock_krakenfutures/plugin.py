"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_krakenfutures.connector import KrakenFuturesConnector
from foreshock_krakenfutures.simulation import KrakenFuturesScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Kraken Futures connector."""
    return [KrakenFuturesConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Kraken Futures."""
    return [KrakenFuturesScript()]
