"""The plugin's hooks."""

from __future__ import annotations

from foreshock_lighter.connector import VENUE, LighterConnector
from foreshock_lighter.samples import LONG, SHORT
from foreshock_lighter.simulation import LighterScript
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the Lighter connector."""
    return [LighterConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated Lighter."""
    return [LighterScript()]


@hookimpl
def foreshock_samples() -> dict[str, tuple[str, ...]]:
    """Return frames of either side."""
    return {VENUE: (SHORT, LONG)}
