"""The hooks a plugin may implement, and how a host finds plugins.

A plugin is a module (or object) named by an entry point of the group `foreshock`:

    [project.entry-points.foreshock]
    myvenue = "my_package.plugin"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

from foreshock_sdk.connector import Connector
from foreshock_sdk.simulation import VenueScript

PROJECT = "foreshock"
ENTRY_POINT_GROUP = "foreshock"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class ForeshockSpecs:
    """Every hook of the project."""

    @hookspec
    def foreshock_connectors(self) -> Sequence[Connector]:  # type: ignore[empty-body]
        """Return the market-data connectors of this plugin."""

    @hookspec
    def foreshock_simulations(self) -> Sequence[VenueScript]:  # type: ignore[empty-body]
        """Return a new simulated venue for each connector of this plugin."""

    @hookspec
    def foreshock_samples(self) -> Mapping[str, Sequence[str]]:  # type: ignore[empty-body]
        """Return, by venue, frames as the venue sends them: what `foreshock plugins check` shows the decoder.

        They hold liquidations of longs and of shorts. Without this hook the simulated venue's frames serve.
        """
