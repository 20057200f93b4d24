"""The archive in a real PostgreSQL: the same rows as the files, once, in step with the streams."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.archive_house import HISTORY, archiver, expected, write
from tests.integration.postgres_server import PostgresServer, postgres, program, query
from tests.integration.runtime_toys import until
from tests.unit.archive.archive_parts import ALL

from foreshock_archive.domain.position import Position
from foreshock_archive.postgres import PostgresSink
from foreshock_archive.sink import SinkError
from foreshock_runtime.scrubbing import scrub
from foreshock_runtime.settings import Secret

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed: there is no initdb")
    with postgres() as running:
        yield running


@pytest.fixture
def dsn(server: PostgresServer) -> str:
    """An empty database."""
    return server.database(f"house{next(NUMBERS)}")


def sink_of(dsn: str) -> PostgresSink:
    return PostgresSink(Secret(dsn), "foreshock", ALL)


async def ask(dsn: str, text: str) -> list[Any]:
    """Run a statement beside the loop: it may have to wait for an archive that works in it."""
    return await asyncio.to_thread(query, dsn, text)


async def counts(dsn: str) -> dict[str, int]:
    return {table: (await ask(dsn, f"SELECT count(*) FROM foreshock.{table}"))[0][0] for table in ALL}  # noqa: S608


async def has_all(dsn: str) -> bool:
    return await counts(dsn) == {table: len(rows) for table, rows in expected().items()}


async def once(redis: Redis, dsn: str, **options: Any) -> None:
    each = archiver(redis, sink_of(dsn), **options)
    await each.run(asyncio.Event(), once=True)


async def test_the_tables_hold_what_the_files_hold(redis: Redis, dsn: str) -> None:
    await write(redis, HISTORY)
    await once(redis, dsn)
    wanted = expected()
    assert await has_all(dsn)
    columns = "event_id, venue, liquidated_side, price, notional_usd, replayed, entry_id, partition"
    found = await ask(dsn, f"SELECT {columns} FROM foreshock.events ORDER BY event_id")  # noqa: S608
    names = columns.split(", ")
    rows = sorted(wanted["events"], key=lambda row: str(row["event_id"]))
    assert found == [tuple(row[name] for name in names) for row in rows]
    microseconds = "SELECT (extract(epoch FROM max(ts_recv)) * 1000000)::bigint FROM foreshock.events"
    assert (await ask(dsn, microseconds))[0][0] == pytest.approx(
        max(row["ts_recv"].value for row in rows) / 1_000, abs=1
    )
    undefined = "SELECT count(*) FROM foreshock.metrics WHERE venue <> 'all' AND acceleration IS NOT NULL"
    assert (await ask(dsn, undefined)) == [(0,)]
    said = await ask(dsn, "SELECT signal_id, explanation, leading_venue FROM foreshock.signals ORDER BY signal_id")
    wanted_said = [(row["signal_id"], row["explanation"], row["leading_venue"]) for row in wanted["signals"]]
    assert said == sorted(wanted_said)


async def test_it_goes_on_where_it_stopped_and_the_tables_are_made_once(redis: Redis, dsn: str) -> None:
    for part in (HISTORY[:40], HISTORY[40:], []):
        await write(redis, part)
        await once(redis, dsn, group="archive-postgres")
    assert await has_all(dsn)


async def test_a_step_is_whole_or_not_there(redis: Redis, dsn: str) -> None:
    """The last table of a step is gone: nothing of the step stays, and it comes again when the table is back."""
    await write(redis, HISTORY)
    each, stop = archiver(redis, sink_of(dsn), seconds=0.05), asyncio.Event()
    first = sink_of(dsn)
    await first.begin()
    await first.close()
    await ask(dsn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON foreshock.position FOR EACH ROW EXECUTE FUNCTION refuse()"
    await ask(dsn, refuse)
    task = asyncio.create_task(each.run(stop))
    await until(lambda: each.told.failures >= 2)
    assert set((await counts(dsn)).values()) == {0}
    await ask(dsn, "DROP TRIGGER refuse ON foreshock.position")
    await until(lambda: each.told.rows["events"] > 0 and not each.look().waiting_rows)
    stop.set()
    await task
    assert await has_all(dsn)


async def test_a_connection_that_is_cut_is_made_again(redis: Redis, dsn: str) -> None:
    await write(redis, HISTORY[:40])
    each, stop = archiver(redis, sink_of(dsn), seconds=0.05), asyncio.Event()
    task = asyncio.create_task(each.run(stop))
    await until(lambda: each.told.steps >= 1)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'foreshock-archive'"
    assert await ask(dsn, cut)
    await write(redis, HISTORY[40:])
    await until(lambda: each.told.failures >= 1)
    await until(lambda: has_all(dsn))
    stop.set()
    await task


async def test_of_two_writers_one_is_refused(dsn: str) -> None:
    first, second = sink_of(dsn), sink_of(dsn)
    position = await first.begin()
    assert position == await second.begin() == Position()
    assert await first.recent("events", 5) == ()
    await second.write({}, position, Position(roll=1))
    with pytest.raises(SinkError, match="another process writes"):
        await first.write({}, position, Position(roll=1))
    assert await first.begin() == Position(roll=1)
    for each in (first, second):
        await each.close()
        await each.close()
    with pytest.raises(SinkError, match="not connected"):
        await first.write({}, position, Position(roll=2))


async def test_a_column_that_is_new_is_added(dsn: str) -> None:
    first = sink_of(dsn)
    await first.begin()
    await first.close()
    await ask(dsn, "ALTER TABLE foreshock.events DROP COLUMN backfilled")
    await first.begin()
    await first.close()
    assert (await ask(dsn, "SELECT backfilled FROM foreshock.events")) == []


async def test_a_position_of_a_later_version_is_left_alone(dsn: str) -> None:
    first = sink_of(dsn)
    await first.begin()
    await first.close()
    await ask(dsn, "UPDATE foreshock.position SET document = '{\"schema\": 99}'")
    with pytest.raises(SinkError, match="later than"):
        await first.begin()
    await first.close()


async def test_with_timescaledb_the_tables_become_hypertables(dsn: str) -> None:
    """A function of the extension's name notes who calls it, and for what."""
    await ask(dsn, "CREATE TABLE asked (relation regclass, at name)")
    await ask(
        dsn,
        "CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, "
        "if_not_exists boolean DEFAULT false, migrate_data boolean DEFAULT false) RETURNS void LANGUAGE sql "
        "AS 'INSERT INTO public.asked VALUES (relation, time_column_name)'",
    )
    sink = sink_of(dsn)
    await sink.begin()
    await sink.close()
    assert (await ask(dsn, "SELECT relation::text, at FROM asked ORDER BY 1")) == [
        ("foreshock.context", "ts_event"),
        ("foreshock.coverage", "ts"),
        ("foreshock.events", "ts_event"),
        ("foreshock.metrics", "as_of"),
        ("foreshock.signals", "ts"),
    ]


async def test_no_error_shows_the_password(server: PostgresServer) -> None:
    wrong = server.dsn.replace(server.password, "a-wrong-password").replace("dbname=postgres", "dbname=nowhere")
    sink = sink_of(wrong)
    with pytest.raises(SinkError) as error:
        await sink.begin()
    assert "a-wrong-password" not in str(error.value)
    assert "password authentication failed" in str(error.value)
    assert "a-wrong-password" not in scrub(f"connecting with {wrong}")
    with pytest.raises(ValueError, match="not a PostgreSQL connection string") as refused:
        sink_of("hunter22 = =")
    assert "hunter22" not in str(refused.value)
