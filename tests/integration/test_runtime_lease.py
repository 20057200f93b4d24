"""Leases against a real server."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from tests.integration.runtime_toys import until

from foreshock_runtime.connection import connect_url
from foreshock_runtime.streams import Lease

KEY = "lease:velocity:{p0}"


async def test_one_holder_at_a_time(redis: Redis) -> None:
    first, second = Lease(redis, KEY, 5), Lease(redis, KEY, 5)
    assert not first.held
    assert await first.acquire()
    assert await first.acquire()  # a lost reply: one's own is confirmed
    assert not await second.acquire()
    assert (first.held, second.held) == (True, False)
    await first.release()
    assert not first.held
    assert await second.acquire()
    await first.release()  # another's is left alone
    assert await redis.get(KEY) == second.token.encode()


async def test_renewal_keeps_it_beyond_its_time(redis: Redis) -> None:
    lease, rival = Lease(redis, KEY, 1.0), Lease(redis, KEY, 1.0)
    assert await lease.acquire()
    async with lease.kept():
        for _ in range(15):
            await asyncio.sleep(0.1)
            assert not await rival.acquire()
        assert lease.held
    await until(rival.acquire, 5)


async def test_a_stolen_lease_is_noticed(redis: Redis) -> None:
    lease = Lease(redis, KEY, 0.3)
    assert await lease.acquire()
    async with lease.kept(), asyncio.timeout(2):
        await redis.set(KEY, "other")
        await lease.lost.wait()


async def test_a_lease_that_cannot_be_renewed_is_lost_in_time(redis: Redis) -> None:
    lease = Lease(redis, KEY, 0.3)
    assert await lease.acquire()
    async with lease.kept(), asyncio.timeout(3):
        await redis.execute_command("CLIENT", "PAUSE", 900, "ALL")
        await lease.lost.wait()


async def test_waiting_ends_with_the_lease_or_with_stop(redis: Redis) -> None:
    holder, waiter = Lease(redis, KEY, 0.3), Lease(redis, KEY, 0.3)
    assert await holder.acquire()
    assert await waiter.wait(asyncio.Event())
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    assert not await holder.wait(stop)


async def test_a_time_to_live_from_a_clock_set_back_is_cut_short(redis: Redis) -> None:
    """The server's clock stepped back an hour: the old lease would stand for that hour."""
    await redis.set(KEY, "dead", px=3_600_000)
    lease = Lease(redis, KEY, 0.3)
    assert not await lease.acquire()
    assert await redis.pttl(KEY) <= 300
    await redis.set(KEY, "dead")
    await until(lease.acquire, 2)


async def test_a_release_out_of_reach_does_not_raise(redis: Redis) -> None:
    lease = Lease(redis, KEY, 5)
    assert await lease.acquire()
    lease._redis = connect_url("redis://127.0.0.1:1")
    await lease.release()
    assert not lease.held
