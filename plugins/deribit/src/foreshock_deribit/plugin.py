"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_deribit.connector import DeribitConnector
from foreshock_deribit.simulation import DeribitScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Deribit connector."""
    return [DeribitConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Deribit."""
    return [DeribitScript()]
