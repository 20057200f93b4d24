"""From settings to archivers."""

from __future__ import annotations

from redis.asyncio import Redis

from foreshock_archive.archiver import Archiver, Rolling
from foreshock_archive.domain.intake import chosen
from foreshock_archive.folder import ParquetFolder
from foreshock_archive.settings import ArchiveSettings
from foreshock_archive.sink import Sink
from foreshock_runtime.clock import Clock
from foreshock_runtime.settings import SettingsError

POSTGRES_SECONDS = 1.0
"""A database has no small files to fear: rows are there after so long."""


def archivers(settings: ArchiveSettings, redis: Redis, clock: Clock) -> list[Archiver]:
    """Return one archiver a sink. Raises SettingsError for settings that make no sense together."""
    try:
        tables = chosen(settings.tables)
    except ValueError as error:
        raise SettingsError(f"tables: {error}") from error

    def made(sink: Sink, group: str, seconds: float) -> Archiver:
        rolling = Rolling(tables, seconds, settings.roll_rows)
        return Archiver(
            redis,
            sink,
            rolling,
            group=group,
            partitions=settings.partitions,
            lease_seconds=settings.lease_seconds,
            clock=clock,
        )

    found: list[Archiver] = []
    if settings.out_dir is not None:
        found.append(made(ParquetFolder(settings.out_dir), settings.group, settings.roll_seconds))
    if settings.postgres_dsn:
        sink = _postgres(settings, tables)
        seconds = min(settings.roll_seconds, POSTGRES_SECONDS)
        found.append(made(sink, f"{settings.group}-{sink.name}", seconds))
    if not found:
        raise SettingsError("out_dir: name a folder, or postgres_dsn, or both")
    return found


def _postgres(settings: ArchiveSettings, tables: tuple[str, ...]) -> Sink:
    try:
        from foreshock_archive.postgres import PostgresSink  # noqa: PLC0415 - an extra brings what it needs
    except ImportError:
        raise SettingsError("postgres_dsn: needs the extra foreshock-archive[postgres]") from None
    if settings.postgres_dsn is None:  # pragma: no cover - the caller looked
        raise SettingsError("postgres_dsn: missing")
    try:
        return PostgresSink(settings.postgres_dsn, settings.postgres_schema, tables)
    except ValueError as error:
        raise SettingsError(f"postgres_dsn: {error}") from None
