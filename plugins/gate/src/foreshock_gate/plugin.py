"""The plugin's two hooks."""

from __future__ import annotations

from foreshock_gate.connector import GateConnector
from foreshock_gate.simulation import GateVenue
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Gate connector."""
    return [GateConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Gate."""
    return [GateVenue()]
