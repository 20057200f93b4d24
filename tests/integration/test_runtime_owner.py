"""One partition's owner against a real server: each entry is answered once, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from tests.integration.runtime_toys import (
    CLOSINGS,
    LATEST,
    OUTPUT,
    SERVICE,
    SOURCE,
    ToyProcessor,
    answered,
    expected_output,
    fill,
    output,
    owner_of,
    running,
    until,
)

from foreshock_model import keys
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.streams import Command, OwnerOptions
from foreshock_runtime.streams.scripts import COMMIT

CURSOR = keys.cursor(SERVICE, 0)
STATE = keys.state(SERVICE, 0)
LEASE = keys.lease(SERVICE, 0)
DATAS = [b"%d" % i for i in range(100)]


async def check_output(redis: Redis, ids: list[bytes], datas: list[bytes]) -> None:
    """Same ids, and the answers of an unbroken run."""
    got_ids, got = await output(redis)
    assert got_ids == ids
    assert got == expected_output(datas)


async def test_answers_each_entry_with_its_own_id(redis: Redis) -> None:
    ids = await fill(redis, DATAS)
    commits: list[tuple[int, str]] = []
    owner = owner_of(redis, on_commit=lambda n, cursor: commits.append((n, cursor)))
    async with running(owner):
        await answered(redis, 100)
        ids += await fill(redis, [b"late"])
        await answered(redis, 101)
        await until(lambda: owner.status().entries == 101)
        assert owner.status().owned
    await check_output(redis, ids, [*DATAS, b"late"])
    assert sum(n for n, _ in commits) == 101
    assert commits[-1][1] == ids[-1].decode()
    assert owner.status().cursor == ids[-1].decode()
    assert not owner.status().owned
    assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_stop_leaves_a_snapshot_and_frees_the_lease(redis: Redis) -> None:
    await fill(redis, DATAS[:5])
    slow = OwnerOptions(snapshot_seconds=1000, block_ms=50)
    first = owner_of(redis, options=slow)
    async with running(first):
        await answered(redis, 5)
    assert not await redis.exists(LEASE)
    assert first.status().snapshots == 1
    second = owner_of(redis, options=slow)
    async with running(second):
        await until(lambda: second.processor is not None)
    assert second.status().replayed == 0
    assert second.status().snapshots == 0  # nothing new to keep
    assert isinstance(second.processor, ToyProcessor)
    assert second.processor.count == 5


async def test_a_crashed_owner_is_followed_without_loss_or_repeat(redis: Redis) -> None:
    ids = await fill(redis, DATAS)
    first = owner_of(redis)
    task = asyncio.create_task(first.run(asyncio.Event()))
    await answered(redis, 40)
    task.cancel()
    await asyncio.wait([task])
    assert await redis.exists(LEASE)  # nobody released it
    async with running(owner_of(redis)):
        await answered(redis, 100)
    await check_output(redis, ids, DATAS)


async def test_pending_entries_of_the_owner_before_come_first(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:10])
    await redis.xgroup_create(SOURCE, SERVICE, "0-0")
    await redis.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=7)
    async with running(owner_of(redis)):
        await answered(redis, 10)
    await check_output(redis, ids, DATAS[:10])
    assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_a_commit_carried_out_without_its_reply_is_not_repeated(redis: Redis) -> None:
    """The entries are answered, the cursor stands there, and they are still pending for whoever comes."""
    ids = await fill(redis, DATAS[:10])
    async with running(owner_of(redis)):
        await answered(redis, 10)
    await redis.xgroup_setid(SOURCE, SERVICE, "0-0")
    await redis.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=10)
    owner = owner_of(redis)
    async with running(owner):
        await until(lambda: owner.status().commits > 0)
    assert owner.status().entries == 0
    await check_output(redis, ids, DATAS[:10])
    assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_a_zombie_writes_nothing_and_comes_back(redis: Redis) -> None:
    """An owner that slept through its lease is refused by the fenced read."""
    ids = await fill(redis, DATAS[:10])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 10)
        await redis.set(LEASE, "another's token", px=300)
        ids += await fill(redis, [b"later"])
        await until(lambda: owner.status().errors.get("lease_lost", 0) > 0)
        assert await redis.xlen(OUTPUT) == 10
        await answered(redis, 11)
    await check_output(redis, ids, [*DATAS[:10], b"later"])


async def test_a_stale_commit_drops_the_state(redis: Redis) -> None:
    """Another owner got in between: what was worked out from the old cursor is thrown away."""
    ids = await fill(redis, DATAS[:3])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 3)
        chain, count = expected_output(DATAS[:4])[-1]
        rivals = "9999999999999-1"
        async with redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("XADD", SOURCE, rivals, "data", DATAS[3])
            pipe.execute_command("XADD", OUTPUT, rivals, "chain", chain, "count", count)
            pipe.execute_command("SET", CURSOR, rivals)
            await pipe.execute()
        await until(lambda: owner.status().stale == 1)
        ids += [rivals.encode(), *await fill(redis, DATAS[4:5])]
        await answered(redis, 5)
    await check_output(redis, ids, DATAS[:5])


async def test_poison_goes_to_the_dead_letters_and_the_others_go_on(redis: Redis) -> None:
    datas = [*DATAS[:5], b"poison 1", b"poison 2", *DATAS[5:10]]
    ids = await fill(redis, datas)
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 12)
        await until(lambda: owner.status().dead == 2)
    await check_output(redis, ids, datas)
    dead: Any = await redis.xrange(keys.dead(SOURCE))
    assert [fields[b"id"] for _, fields in dead] == ids[5:7]
    fields = dead[0][1]
    assert fields[b"count"] == b"3"
    assert fields[b"service"] == SERVICE.encode()
    assert fields[b"data"] == b"poison 1"
    assert b"RuntimeError: cannot read this" in fields[b"error"]
    assert b"hunter22" not in fields[b"error"]
    assert owner.status().errors["entry"] == 6
    assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_a_rebuild_answers_dead_letters_as_poison_again(redis: Redis) -> None:
    datas = [*DATAS[:5], b"poison", *DATAS[5:10]]
    ids = await fill(redis, datas)
    async with running(owner_of(redis)):
        await answered(redis, 11)
    await redis.delete(STATE)
    ids += await fill(redis, [b"after"])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 12)
    assert "entry" not in owner.status().errors
    assert owner.status().replayed == 11
    await check_output(redis, ids, [*datas, b"after"])


async def test_an_entry_that_fails_only_now_does_not_stop_a_rebuild(redis: Redis) -> None:
    class Stricter(ToyProcessor):
        def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
            if fields[b"data"] == b"3":
                raise RuntimeError("this version cannot read it")
            return super().advance(entry_id, fields)

    await fill(redis, DATAS[:10])
    async with running(owner_of(redis)):
        await answered(redis, 10)
    await redis.delete(STATE)
    owner = owner_of(redis, Stricter)
    async with running(owner):
        await until(lambda: owner.processor is not None)
    assert isinstance(owner.processor, Stricter)
    assert owner.processor.count == 9


@pytest.mark.parametrize("damage", ["torn", "schema", "foreign", "stamp"])
async def test_a_bad_snapshot_is_refused_and_the_older_one_used(redis: Redis, damage: str) -> None:
    ids = []
    owner = owner_of(redis, options=OwnerOptions(snapshot_seconds=0.0001, block_ms=50, read_count=4))
    async with running(owner):
        for data in DATAS[:10]:
            ids += await fill(redis, [data])
            await answered(redis, len(ids))
    state: Any = await redis.hgetall(STATE)
    newest = max((b"a", b"b"), key=lambda slot: state[slot + b".cursor"])
    blob = state[newest]
    bad = {
        "torn": blob[:-1],
        "schema": blob[:4] + b"\xff\xff" + blob[6:],
        "foreign": b"what?" * 20,
        "stamp": state[b"b" if newest == b"a" else b"a"],
    }[damage]
    await redis.hset(STATE, newest.decode(), bad)
    ids += await fill(redis, [b"after"])
    second = owner_of(redis)
    async with running(second):
        await answered(redis, 11)
        assert isinstance(second.processor, ToyProcessor)
    assert second.status().replayed == 1
    await check_output(redis, ids, [*DATAS[:10], b"after"])


async def test_without_any_snapshot_the_stream_is_read_again_and_outputs_are_warming(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:10])
    async with running(owner_of(redis)):
        await answered(redis, 10)
    await redis.delete(STATE)
    ids += await fill(redis, [b"after"])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 11)
        assert owner.processor is not None
        assert owner.processor.warming
    await check_output(redis, ids, [*DATAS[:10], b"after"])


async def test_a_hole_between_snapshot_and_cursor_makes_it_warming(redis: Redis) -> None:
    await fill(redis, DATAS[:10])
    quiet = OwnerOptions(lease_seconds=0.6, snapshot_seconds=1000, block_ms=50)
    async with running(owner_of(redis, options=quiet)):
        await answered(redis, 10)
    snapshot = await redis.hgetall(STATE)
    more = await fill(redis, DATAS[10:20])
    async with running(owner_of(redis, options=quiet)):
        await answered(redis, 20)
    await redis.delete(STATE)
    toy = ToyProcessor()
    assert snapshot
    await redis.hset(STATE, mapping=snapshot)  # type: ignore[arg-type]
    await redis.xtrim(SOURCE, minid=more[5].decode(), approximate=False)
    owner = owner_of(redis, lambda: toy)
    async with running(owner):
        await until(lambda: owner.status().recoveries == 1)
    assert toy.warming
    assert owner.status().replayed == 5


async def test_a_lost_group_is_made_again_at_the_cursor(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:10])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 10)
        await redis.xgroup_destroy(SOURCE, SERVICE)
        ids += await fill(redis, DATAS[10:20])
        await answered(redis, 20)
    assert owner.status().errors.get("NOGROUP", 0) + owner.status().errors.get("UNBLOCKED", 0) >= 1
    await check_output(redis, ids, DATAS[:20])


async def test_flushall_starts_anew_and_nothing_spins(redis: Redis) -> None:
    await fill(redis, DATAS[:10])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 10)
        await redis.execute_command("FLUSHALL")
        await until(lambda: sum(owner.status().errors.values()) > 0)
        ids = await fill(redis, DATAS[50:60])
        await answered(redis, 10)
        await until(lambda: owner.status().cursor == ids[-1].decode())
    await check_output(redis, ids, DATAS[50:60])
    assert sum(owner.status().errors.values()) < 10


async def test_a_group_moved_ahead_by_someone_comes_back(redis: Redis) -> None:
    """`XGROUP SETID ... $` by an operator loses nothing."""
    ids = await fill(redis, DATAS[:10])
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 10)
        async with redis.pipeline(transaction=True) as pipe:
            for data in DATAS[10:20]:
                pipe.execute_command("XADD", SOURCE, "*", "data", data)
            pipe.execute_command("XGROUP", "SETID", SOURCE, SERVICE, "$")
            ids += (await pipe.execute())[:10]
        await answered(redis, 20)
    assert owner.status().errors["gap"] >= 1
    await check_output(redis, ids, DATAS[:20])


async def test_a_deleted_consumer_loses_nothing(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:20])
    await redis.xgroup_create(SOURCE, SERVICE, "0-0")
    await redis.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=10)
    await redis.xgroup_delconsumer(SOURCE, SERVICE, "owner")
    async with running(owner_of(redis)):
        await answered(redis, 20)
    await check_output(redis, ids, DATAS[:20])


async def test_entries_trimmed_while_pending_are_counted(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:10])
    await redis.xgroup_create(SOURCE, SERVICE, "0-0")
    await redis.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=10)
    await redis.xtrim(SOURCE, minid=ids[4].decode(), approximate=False)
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 6)
        await until(lambda: owner.status().cursor == ids[-1].decode())
    assert owner.status().trimmed == 4
    await check_output(redis, ids[4:], DATAS[4:10])
    assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_a_full_server_is_waited_for(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:10])
    await redis.config_set("maxmemory", "1")
    owner = owner_of(redis)
    try:
        async with running(owner):
            await until(lambda: sum(owner.status().errors.values()) >= 2)
            await redis.config_set("maxmemory", "0")
            await answered(redis, 10)
    finally:
        await redis.config_set("maxmemory", "0")
    await check_output(redis, ids, DATAS[:10])


async def test_memory_that_ends_at_the_commit_writes_nothing_of_it(redis: Redis) -> None:
    """The script asks for memory before its first answer, so it is refused whole."""
    ids = await fill(redis, DATAS[:5])

    await redis.set(CURSOR, "0-0")
    await redis.config_set("maxmemory", "1")
    try:
        args: list[str | bytes | int | float] = [
            "0-0",
            ids[-1],
            "",
            "",
            0,
            SERVICE,
            0,
            5,
            "XADD",
            OUTPUT,
            ids[-1],
            "a",
            "b",
        ]
        with pytest.raises(Exception, match="maxmemory"):
            await COMMIT(redis, [CURSOR, "lease:x", SOURCE], args)
    finally:
        await redis.config_set("maxmemory", "0")
    assert await redis.get(CURSOR) == b"0-0"
    assert not await redis.exists(OUTPUT)


async def test_refused_answers_are_counted_and_do_not_stop_the_partition(redis: Redis) -> None:
    ids = await fill(redis, DATAS[:3])
    await redis.set(OUTPUT, "not a stream")
    owner = owner_of(redis)
    async with running(owner):
        await until(lambda: owner.status().refused == 3)
        await redis.delete(OUTPUT)
        more = await fill(redis, DATAS[3:5])
        await answered(redis, 2)
    got_ids, _ = await output(redis)
    assert got_ids == more
    assert owner.status().cursor == more[-1].decode()
    assert len(ids) == 3


async def test_answers_that_are_there_already_count_as_repeated(redis: Redis) -> None:
    """The cursor was lost (an operator, a restore); the outputs were not."""
    ids = await fill(redis, DATAS[:5])
    async with running(owner_of(redis)):
        await answered(redis, 5)
    await redis.delete(CURSOR, STATE)
    await redis.xgroup_setid(SOURCE, SERVICE, "0-0")
    owner = owner_of(redis)
    async with running(owner):
        await until(lambda: owner.status().repeated == 5)
    await check_output(redis, ids, DATAS[:5])


async def test_a_failing_snapshot_costs_only_the_snapshot(redis: Redis) -> None:
    class NoSnapshot(ToyProcessor):
        def snapshot(self) -> bytes:
            raise RuntimeError("too large")

    ids = await fill(redis, DATAS[:5])
    owner = owner_of(redis, NoSnapshot, OwnerOptions(snapshot_seconds=0.0001, block_ms=50))
    async with running(owner):
        await answered(redis, 5)
    assert owner.status().errors["snapshot"] >= 1
    await check_output(redis, ids, DATAS[:5])


async def test_a_poison_that_cannot_even_be_answered_does_not_stop_the_partition(redis: Redis) -> None:
    class Speechless(ToyProcessor):
        def poison(self, entry_id: str) -> list[Command]:
            raise RuntimeError(f"no answer to {entry_id}")

    ids = await fill(redis, [b"poison", b"good"])
    async with running(owner_of(redis, Speechless)):
        await answered(redis, 1)
    got_ids, _ = await output(redis)
    assert got_ids == ids[1:]


async def test_answers_that_a_rival_has_written_are_not_counted_as_ones_own(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """The cursor stands where a commit that was refused would have put it: it was another who did."""
    written: list[Command] = []
    with SyncRedis.from_url(redis_server.url) as side:

        class Robbed(ToyProcessor):
            def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
                made = super().advance(entry_id, fields)
                if fields[b"data"] == b"steal":
                    side.set(LEASE, "another's token", px=60_000)
                    written.extend(made)
                return made

        ids = await fill(redis, DATAS[:5])
        owner = owner_of(redis, Robbed, OwnerOptions(lease_seconds=5.0, snapshot_seconds=1_000, block_ms=50))
        async with running(owner):
            await answered(redis, 5)
            ids += await fill(redis, [b"steal"])
            await until(lambda: owner.status().errors.get("lease_lost", 0) > 0)
            await redis.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=1, noack=True)
            await redis.execute_command(*written[0])
            await redis.set(CURSOR, ids[5])
            await redis.delete(LEASE)
            ids += await fill(redis, DATAS[5:9])
            await answered(redis, 10)
        assert owner.status().entries == 9
        await check_output(redis, ids, [*DATAS[:5], b"steal", *DATAS[5:9]])


@pytest.mark.parametrize("rival", ["idle", "reads"])
async def test_answers_that_found_the_lease_gone_are_sent_again_and_not_made_again(
    redis: Redis, redis_server: EmbeddedServer, rival: str
) -> None:
    """A stall between a read and its commit costs no replay, when nobody has answered meanwhile."""
    with SyncRedis.from_url(redis_server.url) as side:

        class Robbed(ToyProcessor):
            def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
                if fields[b"data"] == b"steal":
                    side.set(LEASE, "another's token", px=300)
                    if rival == "reads":
                        side.xreadgroup(SERVICE, "owner", {SOURCE: ">"}, count=1)
                return super().advance(entry_id, fields)

        ids = await fill(redis, DATAS[:5])
        owner = owner_of(redis, Robbed, OwnerOptions(lease_seconds=5.0, snapshot_seconds=1_000, block_ms=50))
        async with running(owner):
            await answered(redis, 5)
            ids += await fill(redis, [b"steal"])
            await answered(redis, 6)
            ids += await fill(redis, DATAS[5:9])
            await answered(redis, 10)
        status = owner.status()
        assert status.errors["lease_lost"] == 1
        assert (status.recoveries, status.replayed) == (1, 0)
        await check_output(redis, ids, [*DATAS[:5], b"steal", *DATAS[5:9]])
        assert (await redis.xpending(SOURCE, SERVICE))["pending"] == 0


async def test_what_each_commit_overwrites_is_told_once_a_commit(redis: Redis) -> None:
    await fill(redis, DATAS)
    owner = owner_of(redis)
    async with running(owner):
        await answered(redis, 100)
    commits = owner.status().commits
    assert await redis.get(LATEST) == b"100"
    assert commits - 1 <= int(await redis.get(CLOSINGS) or 0) <= commits  # the farewell answers nothing
    assert commits < 50


async def test_answers_stand_when_the_latest_cannot_be_told(redis: Redis) -> None:
    class Tongueless(ToyProcessor):
        def closing(self) -> list[Command]:
            raise RuntimeError("nothing to say")

    ids = await fill(redis, DATAS[:5])
    async with running(owner_of(redis, Tongueless)):
        await answered(redis, 5)
    await check_output(redis, ids, DATAS[:5])


async def test_lag_is_visible(redis: Redis) -> None:
    await fill(redis, DATAS[:5])
    owner = owner_of(redis)
    async with running(owner):
        await until(lambda: owner.status().lag_entries == 0)
    assert owner.status().lag_seconds == 0.0


async def test_two_owners_in_turn_lose_and_double_nothing(redis: Redis, redis_server: EmbeddedServer) -> None:
    """Leases are stolen all the time; the cursor keeps every answer single."""
    other = connect_url(redis_server.url)
    ids: list[bytes] = []
    a, b = owner_of(redis), owner_of(other)
    try:
        async with running(a), running(b):
            for start in range(0, 100, 10):
                ids += await fill(redis, DATAS[start : start + 10])
                await redis.delete(LEASE)
                await asyncio.sleep(0.02)
            await answered(redis, 100)
    finally:
        await other.aclose()
    await check_output(redis, ids, DATAS)


async def test_a_killed_server_comes_back_and_the_owner_goes_on() -> None:
    server = EmbeddedServer()
    await server.start()
    client = connect_url(server.url)
    try:
        ids = await fill(client, DATAS[:50])
        owner = owner_of(client)
        async with running(owner):
            await answered(client, 50)
            os.kill(server.pid, signal.SIGKILL)
            await server.wait_ready()
            ids += await fill(client, DATAS[50:])
            await answered(client, 100)
        await check_output(client, ids, DATAS)
        assert sum(owner.status().errors.values()) >= 1
    finally:
        await client.aclose()
        await server.stop()


async def test_a_stop_while_the_server_is_away_ends_soon() -> None:
    server = EmbeddedServer()
    await server.start()
    client = connect_url(server.url)
    owner = owner_of(client)
    try:
        async with running(owner):
            await until(lambda: owner.status().owned)
            await server.stop()
            await until(lambda: sum(owner.status().errors.values()) >= 1)
    finally:
        await client.aclose()
