"""Settings of the velocity service."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from foreshock_runtime.settings import Seconds, ServiceSettings


class VelocitySettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What velocity needs.

    retention_seconds  metrics older than that leave the stream once signals has them
    retention_entries  above so many entries a partition the oldest leave even if unread, counted as loss: so that an
                       absent reader cannot fill the store
    """

    section: ClassVar[str] = "velocity"

    retention_seconds: Seconds = 30.0
    retention_entries: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000
