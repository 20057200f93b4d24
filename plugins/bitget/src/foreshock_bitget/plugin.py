"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_bitget.connector import BitgetConnector
from foreshock_bitget.simulation import BitgetVenue
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Bitget connector."""
    return [BitgetConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Bitget."""
    return [BitgetVenue()]
