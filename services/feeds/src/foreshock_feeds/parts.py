"""What a feeds process is made of, found and checked before it does anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from foreshock_feeds.flow import Flow
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.settings import FeedsSettings
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_runtime.scrubbing import scrub
from foreshock_runtime.settings import ServiceSettings, SettingsError
from foreshock_sdk.connector import Connector
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.errors import OptionError

LONGEST_LEASE = 3.0
"""Seconds: a route that another process wrote is kept for 10 s, which has to outlast the lease."""
log = get_logger("feeds")


class Parts(NamedTuple):
    """Settings, the plugins found, the connectors to run, and the library that reads sockets."""

    settings: FeedsSettings
    plugins: Plugins
    connectors: list[Connector]
    reader: Callable[[Clock, Flow], OpenSocket]


def find_parts(settings: ServiceSettings) -> Parts:
    """Find them; report plugins that are broken. Raises SettingsError naming the field that asks for what is not."""
    if not isinstance(settings, FeedsSettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected FeedsSettings")
    plugins = Plugins()
    for info in plugins.infos:
        if info.error:
            log.error("plugin_broken", plugin=info.name, reason=info.error)
    if settings.redundant and (settings.clock != "system" or settings.lease_seconds > LONGEST_LEASE):
        raise SettingsError(f"redundant: needs the system's clock and lease_seconds of at most {LONGEST_LEASE:g}")
    return Parts(settings, plugins, _chosen(plugins, settings), _reader(settings))


def _chosen(plugins: Plugins, settings: FeedsSettings) -> list[Connector]:
    installed = sorted(plugins.connectors)
    asked = {"venues": settings.venues, "endpoints": tuple(settings.endpoints), "options": tuple(settings.options)}
    for field, names in asked.items():
        unknown = [name for name in names if name not in plugins.connectors]
        if unknown:
            raise SettingsError(f"{field}: {unknown[0]!r} is not installed; there are {', '.join(installed)}")
    chosen = dict.fromkeys(settings.venues or installed)
    return [_configured(plugins.connectors[name], settings.options.get(name)) for name in chosen]


def _configured(connector: Connector, options: Mapping[str, Any] | None) -> Connector:
    if not options:
        return connector
    try:
        return connector.configured(options)
    except OptionError as error:
        raise SettingsError(scrub(f"options.{connector.venue}.{error}")) from None
    except Exception as error:  # a plugin is foreign code
        raise SettingsError(scrub(f"options.{connector.venue}: {type(error).__name__}: {error}")) from error


def _reader(settings: FeedsSettings) -> Callable[[Clock, Flow], OpenSocket]:
    if settings.reader == "websockets":
        return WebsocketsReader
    try:
        from foreshock_feeds.fast_reader import PicowsReader  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise SettingsError(
            "reader: 'picows' is not installed; it comes with the extra foreshock-feeds[fast]"
        ) from error
    return PicowsReader
