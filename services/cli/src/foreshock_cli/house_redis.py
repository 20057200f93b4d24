"""Find the Redis of a running house and talk to it; every failure becomes one clear sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis

from foreshock_cli import runfile
from foreshock_cli.exits import CommandError, unreachable, usage_error

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
"""Longer than any BLOCK below, so that a quiet stream is not taken for a dead server."""
NO_HOUSE = "start one with `foreshock demo`, or name it: --redis redis://HOST:PORT/0"


class Located(NamedTuple):
    """An address and who said so. The url may hold a password: show `public(url)`."""

    url: str
    source: str


def locate(option: str | None, env: Mapping[str, str]) -> Located:
    """Return where the house's Redis is. Raises CommandError when nobody says."""
    if option:
        return Located(option, "--redis")
    for name in ("FORESHOCK_REDIS_URL", "REDIS_URL"):
        if env.get(name):
            return Located(env[name], name)
    note = runfile.read(runfile.folder(env))
    if note is None:
        raise unreachable("no house is running here and no Redis is named", hint=NO_HOUSE)
    return Located(note.redis_url, f"`foreshock {note.command}` running here (pid {note.pid})")


def public(url: str) -> str:
    """Return the address without credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def password_from_file(env: Mapping[str, str]) -> str | None:
    """Return the password of FORESHOCK_REDIS_PASSWORD_FILE, None when it is not set."""
    path = env.get("FORESHOCK_REDIS_PASSWORD_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise usage_error(f"FORESHOCK_REDIS_PASSWORD_FILE {path!r} cannot be read: {reason}") from error


@contextmanager
def connected(option: str | None, env: Mapping[str, str] | None = None) -> Iterator[redis.Redis]:
    """Yield a client that has answered a PING. Redis errors inside the block become CommandErrors too."""
    env = os.environ if env is None else env
    where = locate(option, env)
    client = _client(where, password_from_file(env))
    try:
        client.ping()
        yield client
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        message = f"Redis at {public(where.url)} refuses us: {error}"
        raise unreachable(message, hint=_said_by(where)) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise unreachable(f"Redis at {public(where.url)} does not answer", hint=_said_by(where)) from error
    except redis.RedisError as error:
        raise CommandError(f"Redis at {public(where.url)} answers: {error}") from error
    finally:
        client.close()


def now_ms(client: redis.Redis) -> int:
    """Return the server's time in milliseconds, as stream ids carry it."""
    seconds, micros = client.time()
    return seconds * 1_000 + micros // 1_000


def _client(where: Located, password: str | None) -> redis.Redis:
    extra: dict[str, Any] = {"password": password} if password is not None else {}  # one in the address goes before
    try:
        return redis.Redis.from_url(
            where.url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            client_name="foreshock-cli",
            protocol=2,  # lists where RESP3 has maps: one shape whatever the server is
            **extra,
        )
    except ValueError as error:
        message = f"{public(where.url)!r} (from {where.source}) is not a Redis address: {error}"
        raise usage_error(message) from error


def _said_by(where: Located) -> str:
    return f"that address comes from {where.source}"
