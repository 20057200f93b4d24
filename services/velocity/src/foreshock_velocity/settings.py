"""Settings of the velocity service."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from foreshock_model.metrics import WINDOWS_MS
from foreshock_runtime.settings import Seconds, ServiceSettings, SettingsError

WindowMs = Annotated[int, msgspec.Meta(ge=10, le=3_600_000)]
SIGNALS_NEEDS_MS = (2_000, 10_000, 60_000, 300_000)
"""Windows that signals reads."""


class VelocitySettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What velocity needs.

    retention_seconds  metrics older than that leave the stream once signals has them
    retention_entries  above so many entries a partition the oldest leave even if unread, counted as loss: so that an
                       absent reader cannot fill the store
    windows_ms         lengths of the windows, shortest first, the same in every velocity process; a change makes the
                       next start build its state anew
    """

    section: ClassVar[str] = "velocity"

    retention_seconds: Seconds = 30.0
    retention_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000
    windows_ms: tuple[WindowMs, ...] = WINDOWS_MS


def check_windows(windows_ms: tuple[int, ...]) -> None:
    """Raise SettingsError unless windows are in order, each once, and those that signals needs among them."""
    if list(windows_ms) != sorted(set(windows_ms)):
        raise SettingsError(f"windows_ms {windows_ms} are not in ascending order, each once")
    if missing := sorted({*SIGNALS_NEEDS_MS} - {*windows_ms}):
        raise SettingsError(f"windows_ms lack {missing}, which signals reads")
