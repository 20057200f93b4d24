"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_okx.connector import OkxConnector
from foreshock_okx.simulation import OkxScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the OKX connector."""
    return [OkxConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated OKX."""
    return [OkxScript()]
