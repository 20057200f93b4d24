"""Settings of the archive service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from foreshock_runtime.settings import Seconds, Secret, ServiceSettings


class ArchiveSettings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the archive needs: a folder, a database, or both.

    out_dir          folder of the Parquet files
    postgres_dsn     connection string of a PostgreSQL database
    postgres_schema  schema of its tables there
    tables           what is kept; all when empty
    group            consumer group; the database's is `<group>-postgres`
    roll_seconds     a file is closed after so long
    roll_rows        or when it has so many rows
    """

    section: ClassVar[str] = "archive"

    out_dir: Path | None = None
    postgres_dsn: Secret | None = None
    postgres_schema: Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "foreshock"
    tables: tuple[str, ...] = ()
    group: Annotated[str, msgspec.Meta(pattern=r"^[\w.\-]{1,64}$")] = "archive"
    roll_seconds: Seconds = 300.0
    roll_rows: Annotated[int, msgspec.Meta(ge=1)] = 250_000
