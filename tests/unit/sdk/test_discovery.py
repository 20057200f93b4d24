from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from foreshock_binance.connector import BinanceConnector
from foreshock_binance.simulation import BinanceScript
from foreshock_sdk import ENTRY_POINT_GROUP, hookimpl
from foreshock_sdk.discovery import Plugins


class Venue(BinanceConnector):
    def __init__(self, venue: str) -> None:
        self.venue = venue


class Bench:
    """Makes plugins out of functions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.points: list[EntryPoint] = []

    def plugin(self, name: str, **hooks: Any) -> None:
        module = ModuleType(f"plugin_{name}")
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(function))
        self._monkeypatch.setitem(sys.modules, module.__name__, module)
        self.missing(name, module.__name__)

    def venue(self, name: str) -> None:
        self.plugin(name, foreshock_connectors=lambda: [Venue(name)])

    def missing(self, name: str, module: str) -> None:
        self.points.append(EntryPoint(name, module, ENTRY_POINT_GROUP))

    def load(self) -> Plugins:
        return Plugins(self.points)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def raising() -> Any:
    raise RuntimeError("no luck today")


def errors(plugins: Plugins) -> dict[str, str | None]:
    return {info.name: info.error for info in plugins.infos}


def test_a_plugin_that_cannot_be_imported_is_named_and_the_rest_load(bench: Bench) -> None:
    bench.missing("broken", "no_such_module_anywhere")
    bench.venue("alpha")
    bench.venue("zulu")
    plugins = bench.load()
    assert errors(plugins)["broken"] == "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    assert sorted(plugins.connectors) == ["alpha", "zulu"]


def test_a_plugin_whose_hook_raises_is_named_and_the_rest_load(bench: Bench) -> None:
    bench.plugin("broken", foreshock_connectors=raising, foreshock_simulations=raising)
    bench.venue("alpha")
    plugins = bench.load()
    assert errors(plugins) == {"alpha": None, "broken": "RuntimeError: no luck today"}
    assert sorted(plugins.connectors) == ["alpha"]
    assert plugins.simulations() == {}, "its other hooks are out too"


def test_a_plugin_with_an_unknown_hook_is_named(bench: Bench) -> None:
    bench.plugin("broken", foreshock_teleports=lambda: None)
    bench.venue("alpha")
    plugins = bench.load()
    assert "unknown hook" in str(errors(plugins)["broken"])
    assert sorted(plugins.connectors) == ["alpha"]


def test_a_plugin_whose_hook_asks_for_what_there_is_not_is_named(bench: Bench) -> None:
    bench.plugin("broken", foreshock_connectors=lambda wish: wish, foreshock_simulations=raising)
    bench.venue("zulu")
    plugins = bench.load()
    assert "PluginValidationError" in str(errors(plugins)["broken"])
    assert sorted(plugins.connectors) == ["zulu"]
    assert plugins.simulations() == {}


def test_a_venue_belongs_to_the_first_plugin_that_brings_it(bench: Bench) -> None:
    bench.venue("alpha")
    bench.plugin("thief", foreshock_connectors=lambda: [Venue("alpha"), Venue("other")])
    plugins = bench.load()
    assert errors(plugins)["thief"] == "ValueError: venue 'alpha' is already provided by another plugin"
    assert sorted(plugins.connectors) == ["alpha"]


def test_a_plugin_may_bring_several_venues_or_none(bench: Bench) -> None:
    bench.plugin("several", foreshock_connectors=lambda: [Venue("one"), Venue("two")])
    bench.plugin("none", foreshock_simulations=lambda: [BinanceScript()])
    plugins = bench.load()
    assert {info.name: info.venues for info in plugins.infos} == {"none": (), "several": ("one", "two")}
    assert list(plugins.simulations()) == ["binance"]


def test_simulated_venues_are_fresh_each_time(bench: Bench) -> None:
    bench.plugin("sim", foreshock_simulations=lambda: [BinanceScript()])
    plugins = bench.load()
    assert plugins.simulations()["binance"] is not plugins.simulations()["binance"]


def test_the_installation_has_its_three_venues() -> None:
    plugins = Plugins()
    ours = {info.name: info for info in plugins.infos if info.distribution.startswith("foreshock-")}
    assert {"binance", "bybit", "okx"} <= set(ours)
    assert all(info.error is None for info in ours.values())
    assert {"binance", "bybit", "okx"} <= set(plugins.connectors)
    assert set(plugins.simulations()) == set(plugins.connectors)
