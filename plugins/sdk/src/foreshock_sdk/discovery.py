"""Find plugins by entry points, one by one: a broken one is reported by name and the rest load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
import pluggy

from foreshock_sdk.connector import Connector
from foreshock_sdk.hookspecs import ENTRY_POINT_GROUP, PROJECT, ForeshockSpecs
from foreshock_sdk.simulation import VenueScript


class PluginInfo(msgspec.Struct, frozen=True):
    """One plugin found: error is None when it loaded."""

    name: str
    distribution: str
    version: str
    error: str | None = None
    venues: tuple[str, ...] = ()


class Plugins:
    """The plugins of this installation."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self.infos: list[PluginInfo] = []
        self.connectors: dict[str, Connector] = {}
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(ForeshockSpecs)
        found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
        for point in sorted(found, key=lambda each: each.name):
            self.infos.append(self._load(point))

    def simulations(self) -> dict[str, VenueScript]:
        """Return a fresh simulated venue by venue name."""
        answers = self._manager.hook.foreshock_simulations()
        return {script.venue: script for scripts in answers for script in scripts}

    def samples(self) -> dict[str, Sequence[str]]:
        """Return sample frames by venue, of those that give some."""
        return {venue: frames for told in self._manager.hook.foreshock_samples() for venue, frames in told.items()}

    def _load(self, point: EntryPoint) -> PluginInfo:
        name, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        try:
            venues = self._register(point.name, point.load())
        except Exception as error:  # noqa: BLE001 - a plugin is foreign code: whatever it raises is its own fault
            return PluginInfo(point.name, name, version, f"{type(error).__name__}: {error}")
        return PluginInfo(point.name, name, version, None, venues)

    def _register(self, name: str, plugin: Any) -> tuple[str, ...]:
        try:
            self._manager.register(plugin, name=name)
            self._manager.check_pending()
            mine = self._connectors_of(plugin)
        except Exception:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise
        self.connectors.update(mine)
        return tuple(mine)

    def _connectors_of(self, plugin: Any) -> dict[str, Connector]:
        others = [each for each in self._manager.get_plugins() if each is not plugin]
        hook = self._manager.subset_hook_caller("foreshock_connectors", others)
        mine = {each.venue: each for answer in hook() for each in answer}
        taken = sorted(mine.keys() & self.connectors.keys())
        if taken:
            raise ValueError(f"venue {taken[0]!r} is already provided by another plugin")
        return mine
