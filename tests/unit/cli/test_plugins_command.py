"""`foreshock plugins`: what is installed, and what is broken."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint, entry_points

import pytest

from foreshock_cli import venues
from foreshock_cli.__main__ import main
from foreshock_cli.commands import plugins
from foreshock_cli.exits import CommandError, Exit
from foreshock_sdk.discovery import Plugins

BROKEN = EntryPoint("broken", "no_such_module.plugin", "foreshock")


def test_the_projects_own_venues_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == Exit.OK
    text = capsys.readouterr().out
    heading, *names = (line.split()[0] for line in text.splitlines())
    assert (heading, names) == ("VENUE", sorted(names))
    assert {"binance", "bybit", "okx", "hyperliquid"} <= set(names)
    assert "every 1 s, 1 a symbol" in text
    assert "at once" in text
    assert "in part" in text, "of Hyperliquid"


def test_the_same_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)["plugins"]
    assert {"binance", "bybit", "okx"} <= {plugin["name"] for plugin in found}
    (venue,) = found[0]["venues"]
    assert venue["venue"] == "binance"
    assert venue["simulated"] is True
    assert venue["contracts_packaged"] > 0


def test_a_broken_plugin_is_named_and_the_others_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = Plugins([*entry_points(group="foreshock"), BROKEN])
    assert plugins.show(found, as_json=False) == Exit.FAILED
    text = capsys.readouterr().out
    assert "binance" in text
    assert "broken  broken: ModuleNotFoundError" in text


def test_a_venue_whose_plugin_is_broken_is_told_from_one_that_is_not_there() -> None:
    found = Plugins([BROKEN])
    with pytest.raises(CommandError, match="the plugin of 'broken' is broken: ModuleNotFoundError") as raised:
        venues.find("broken", found)
    assert raised.value.code is Exit.UNREACHABLE
    with pytest.raises(CommandError, match="no venue 'other'") as raised:
        venues.find("other", found)
    assert "none is installed" in raised.value.hint


def test_nothing_installed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert plugins.show(Plugins([]), as_json=False) == Exit.OK
    assert "no plugin is installed" in capsys.readouterr().out
