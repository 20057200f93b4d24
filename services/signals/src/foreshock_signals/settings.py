"""Settings of the signals service."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from foreshock_runtime.settings import ServiceSettings


class SignalsSettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signals needs. tracked_symbols have their latest figures published from the start, known or not.

    A signal takes about 1.5 kB, so these keep a market that alarms everywhere within a server of 400 MB.

    retention_entries   about so many signals are kept in each partition's stream
    subscriber_entries  about so many in `cascade:signals`
    history_entries     recent signals kept by time, for all and for each symbol
    history_seconds     and for how long
    """

    section: ClassVar[str] = "signals"

    tracked_symbols: tuple[str, ...] = ("BTCUSDT",)
    retention_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000
    subscriber_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000
    history_entries: Annotated[int, msgspec.Meta(ge=1)] = 200
    history_seconds: Annotated[int, msgspec.Meta(ge=1)] = 86_400
