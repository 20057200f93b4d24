"""`foreshock archive` as a person runs it, and as it dies."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration.archive_house import HISTORY, archived, expected, write
from tests.integration.runtime_toys import until
from tests.unit.archive.archive_parts import Told

from foreshock_archive.domain import position as positions
from foreshock_archive.domain.intake import Source
from foreshock_archive.reading import NAMES
from foreshock_cli.__main__ import main
from foreshock_model import keys
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer

COMMAND = (sys.executable, "-m", "foreshock_cli", "archive")


def environment(**more: str) -> dict[str, str]:
    """The environment of the tests without settings in it, but those of another service, which are none of ours."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FORESHOCK_")}
    return {**plain, "FORESHOCK_VENUES": "okx", **more}


async def command(*words: str, **env: str) -> tuple[int, str, str]:
    """Run it to its end. Returns exit code, stdout and stderr."""

    def run() -> tuple[int, str, str]:
        result = subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, timeout=50, check=False, env=environment(**env)
        )
        return result.returncode, result.stdout, result.stderr

    return await asyncio.to_thread(run)


@contextmanager
def started(words: Sequence[str], lease_seconds: float = 5.0) -> Iterator[subprocess.Popen[str]]:
    """Start it, and see that it ends. After a short lease the next need not wait long for one that was killed."""
    env = environment(FORESHOCK_LEASE_SECONDS=str(lease_seconds))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=env) as run:
        try:
            yield run
        finally:
            run.kill()


def steps(folder: Path) -> int:
    """The number of the last step that counts."""
    place = folder / "_archive" / "position.json"
    return positions.decode(place.read_bytes()).roll if place.exists() else 0


async def test_once_and_once_more(redis: Redis, redis_server: EmbeddedServer, tmp_path: Path) -> None:
    words = ("--out", str(tmp_path / "a"), "--redis", redis_server.url, "--once", "--json")
    await write(redis, HISTORY[:40])
    code, _, _ = await command(*words)
    assert code == 0
    await write(redis, HISTORY[40:])
    code, out, _ = await command(*words)
    assert code == 0
    told = json.loads(out.splitlines()[-1])
    assert (told["sink"], told["state"], told["missing"]) == ("parquet", "ENDED", 0)
    assert archived(tmp_path / "a") == expected()
    for source in Source:
        assert await redis.xinfo_groups(NAMES[source](0)) == [], "streams do not wait for an archive that has ended"


async def test_until_it_is_interrupted(redis: Redis, redis_server: EmbeddedServer, tmp_path: Path) -> None:
    await write(redis, HISTORY[:40])
    words = (*COMMAND, "--out", str(tmp_path / "a"), "--redis", redis_server.url, "--tables", "events,signals")
    with started(words) as run:
        await until(lambda: consumed(redis), 30)
        await write(redis, HISTORY[40:])
        await until(lambda: consumed(redis, HISTORY[-3:]), 30)
        run.send_signal(signal.SIGINT)
        out, _ = await asyncio.to_thread(run.communicate, None, 30)
    assert run.returncode == 130
    assert out.startswith("parquet ended: 355 events, 9 signals in ")
    assert archived(tmp_path / "a").keys() == {"events", "signals"}


async def consumed(redis: Redis, entries: Sequence[Told] = ()) -> bool:
    """Tell whether the archive reads, and has read these entries of events."""
    if not await redis.exists(keys.events(0)):
        return False
    groups = await redis.xinfo_groups(keys.events(0))
    wanted = max((each.entry_id for each in entries if each.source is Source.EVENTS), default="0-1")
    return bool(groups) and groups[0]["last-delivered-id"].decode() >= wanted


async def test_it_may_be_killed_at_any_time(redis: Redis, redis_server: EmbeddedServer, tmp_path: Path) -> None:
    """Killed without warning again and again while two writers tell the same: each row is there once at the end."""
    chance = random.Random(7)
    words = (*COMMAND, "--out", str(tmp_path / "a"), "--redis", redis_server.url, "--roll-seconds", "0.02")
    entries = list(doubled(HISTORY))
    size = len(entries) // 5
    for part in range(5):
        with started(words, 0.5):
            await write(redis, entries[part * size : part * size + 7])
            before = steps(tmp_path / "a")
            await until(lambda: steps(tmp_path / "a") > before, 30)  # noqa: B023 - awaited within the turn
            for each in entries[part * size + 7 : part * size + size]:
                await write(redis, [each])
                await asyncio.sleep(chance.uniform(0, 0.01))
    assert steps(tmp_path / "a") >= 5
    await write(redis, entries[5 * size :])
    code, out, _ = await command("--out", str(tmp_path / "a"), "--redis", redis_server.url, "--once", "--json")
    assert code == 0, out
    found, wanted = archived(tmp_path / "a"), expected()
    for table in ("events", "metrics", "signals"):
        assert plain(found[table]) == plain(wanted[table])


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without the place where each was told first."""
    return [{name: value for name, value in row.items() if name != "entry_id"} for row in rows]


def doubled(entries: Sequence[Told]) -> list[Told]:
    """Let a second writer tell every batch again."""
    found: list[Told] = []
    for each in entries:
        found.append(each)
        if each.source is Source.EVENTS and each.fields[b"kind"] == b"batch":
            entry = InputEntry.from_fields(each.fields)
            entry = msgspec.structs.replace(entry, writer="feeds:1", seq=(entry.seq + 1) // 2)
            ms, _, seq = each.entry_id.partition("-")
            found.append(Told(each.source, f"{ms}-{int(seq) * 10 + 5}", entry.to_fields()))
        elif each.source is Source.EVENTS:
            found[-1] = each._replace(entry_id=f"{each.entry_id}0")
    return found


async def test_what_could_not_be_read_shows_in_the_exit_code(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    await redis.execute_command("XADD", keys.events(0), "*", "kind", "nonsense")
    code, out, err = await command("--out", str(tmp_path / "a"), "--redis", redis_server.url, "--once")
    assert code == 1
    assert "1 unreadable" in out
    assert "entry_unreadable" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a folder, or postgres_dsn, or both"),
        (("--out", "a", "--tables", "trades"), "no table 'trades'"),
        (("--postgres", "host=db password=hunter22"), "a password does not belong"),
        (("--postgres", "postgresql://me:hunter22@db/market"), "a password does not belong"),
        (("--postgres", "nonsense"), "not a PostgreSQL connection string"),
        (("--postgres-file", "there-is-none"), "cannot read there-is-none"),
        (("--out", "a", "--group", "no blanks"), "group"),
    ],
)
async def test_a_command_line_that_makes_no_sense(
    redis: Redis,
    redis_server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    await write(redis, HISTORY[:1])
    monkeypatch.chdir(tmp_path)
    code = await asyncio.to_thread(main, ["archive", "--redis", redis_server.url, *words])
    assert code == 2
    err = capsys.readouterr().err
    assert message in err
    assert "hunter22" not in err


async def test_a_place_that_is_not_there_is_said_at_once(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    await write(redis, HISTORY[:1])
    (tmp_path / "file").touch()
    code, _, err = await command("--out", str(tmp_path / "file" / "a"), "--redis", redis_server.url)
    assert (code, "cannot archive to parquet" in err) == (3, True)
    dsn = f"host={tmp_path} user=nobody dbname=nowhere"
    code, _, err = await command("--redis", redis_server.url, FORESHOCK_POSTGRES_DSN=dsn)
    assert (code, "cannot archive to postgres" in err) == (3, True)


async def test_without_streams_there_is_nothing_to_keep(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    await redis.execute_command("PING")
    code, _, err = await command("--out", str(tmp_path / "a"), "--redis", redis_server.url)
    assert (code, "no event streams" in err) == (1, True)
