"""Venues by name, with an answer for a name that is not installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from foreshock_cli.exits import unreachable, usage_error
from foreshock_sdk.connector import Connector
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.errors import OptionError


def find(venue: str, plugins: Plugins | None = None) -> Connector:
    """Return a venue's connector. Raises CommandError naming what is installed, or what broke."""
    plugins = Plugins() if plugins is None else plugins
    connector = plugins.connectors.get(venue)
    if connector is not None:
        return connector
    for info in plugins.infos:
        if info.name == venue and info.error:
            raise unreachable(f"the plugin of {venue!r} is broken: {info.error}")
    raise usage_error(f"no venue {venue!r} is installed", hint=_installed(plugins))


def check(venues: Iterable[str], plugins: Plugins | None = None) -> tuple[str, ...]:
    """Return the venues when all are installed. Raises CommandError for the first that is not."""
    plugins = Plugins() if plugins is None else plugins
    return tuple(find(venue, plugins).venue for venue in venues)


def configured(connector: Connector, options: Iterable[str]) -> Connector:
    """Return the connector with options given as NAME=VALUE. Raises CommandError naming the first that is wrong."""
    given: dict[str, Any] = {}
    for text in options:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise usage_error(f"--option {text!r} is not NAME=VALUE")
        given[name] = _value(value)
    try:
        return connector.configured(given) if given else connector
    except OptionError as error:
        raise usage_error(f"--option {error}") from None


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _installed(plugins: Plugins) -> str:
    names = ", ".join(sorted(plugins.connectors))
    return f"installed: {names}" if names else "none is installed; see `foreshock plugins`"
