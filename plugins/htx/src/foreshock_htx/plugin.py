"""The plugin's hooks."""

from __future__ import annotations

from foreshock_htx.connector import HtxConnector
from foreshock_htx.samples import LONG, SHORT
from foreshock_htx.simulation import HtxVenue
from foreshock_htx.specs import VENUE
from foreshock_sdk import Connector, VenueScript, hookimpl


@hookimpl
def foreshock_connectors() -> list[Connector]:
    """Return the HTX connector."""
    return [HtxConnector()]


@hookimpl
def foreshock_simulations() -> list[VenueScript]:
    """Return a new simulated HTX."""
    return [HtxVenue()]


@hookimpl
def foreshock_samples() -> dict[str, tuple[str, ...]]:
    """Return frames of either side: those of the simulated venue are gzip."""
    return {VENUE: (LONG, SHORT)}
