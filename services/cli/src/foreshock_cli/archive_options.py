"""The settings of an archive, from a command line and its environment."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from urllib.parse import urlsplit

import redis

from foreshock_archive.settings import ArchiveSettings
from foreshock_cli import house_redis
from foreshock_cli.exits import CommandError, usage_error
from foreshock_model import keys
from foreshock_runtime.settings import PREFIX, SettingsError, load_settings

MOST_PARTITIONS = 1_024


def settings(args: argparse.Namespace, env: Mapping[str, str]) -> ArchiveSettings:
    """Return the settings of a command line in an environment. Raises CommandError."""
    with house_redis.connected(args.redis, env) as client:
        partitions = args.partitions or _partitions(client)
    try:
        return load_settings(
            ArchiveSettings,
            env=_known(env, set(ArchiveSettings.__struct_fields__)),
            overrides={
                "redis_url": house_redis.locate(args.redis, env).url,
                "partitions": partitions,
                "out_dir": args.out,
                "postgres_dsn": _harmless(args.postgres),
                "postgres_dsn_file": args.postgres_file and str(args.postgres_file),
                "postgres_schema": args.schema,
                "tables": args.tables and tuple(args.tables.split(",")),
                "group": args.group,
                "roll_seconds": args.roll_seconds,
                "roll_rows": args.roll_rows,
            },
        )
    except SettingsError as error:
        raise usage_error(str(error)) from error


def _known(env: Mapping[str, str], fields: set[str]) -> dict[str, str]:
    """Leave out the settings of other services: a shell may hold those of a whole house."""
    names = {name: name.removeprefix(PREFIX).lower() for name in env if name.startswith(PREFIX)}
    return {
        name: env[name] for name, field in names.items() if field in fields or field.removesuffix("_file") in fields
    }


def _harmless(dsn: str | None) -> str | None:
    """Refuse a password on the command line: everybody on the machine can read that."""
    if dsn and ("password" in dsn or ("://" in dsn and urlsplit(dsn).password)):
        raise usage_error("a password does not belong on a command line", hint="use --postgres-file FILE")
    return dsn


def _partitions(client: redis.Redis) -> int:
    found = 0
    while found < MOST_PARTITIONS and client.exists(keys.events(found)):
        found += 1
    if not found:
        raise CommandError("there are no event streams in this Redis yet", hint="does the feeds service run?")
    return found
