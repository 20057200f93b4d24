"""What anybody on the machine reads of a running demo, as redis-cli asks for it: no password, no client of ours."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from foreshock_lab.conductor import Asides, Attendance
from foreshock_lab.demo import DemoOptions, conduct
from foreshock_lab.house import House

pytestmark = pytest.mark.timeout(90)
OF_SIGNALS = ("cascade:probability:BTCUSDT", "regime:current")
LATEST = (*OF_SIGNALS, "velocity:BTCUSDT:current")
SECONDS = 8.0


class Reader:
    """Follows one demo from the loopback port, sees signals killed, and starts it again."""

    def __init__(self) -> None:
        self.critical: dict[str, Any] = {}
        self.latest: dict[str, Any] = {}
        self.first: Any = None
        self.typed: list[str] = []
        self.refused = self.velocity_stays = False
        self.gone_after_s = self.told_after_s = 0.0

    async def look(self, house: House) -> None:
        port = house.info.redis_port
        assert port is not None
        async with Redis(port=port, decode_responses=True) as redis, redis.pubsub() as channel:
            await channel.subscribe("cascade:critical")
            self.critical = json.loads(await _heard(channel))
            self.latest = {key: json.loads(str(await redis.get(key))) for key in LATEST}
            self.first = await redis.xread({"cascade:signals": "0"}, count=1)
            self.typed = await _as_typed(port)
            try:
                await redis.set("cascade:probability:BTCUSDT", "0")
            except NoPermissionError:
                self.refused = True
            await channel.subscribe("cascade:signals")
            await self._without_signals(house, redis, channel)
        await house.restart("signals")

    async def _without_signals(self, house: House, redis: Redis, channel: Any) -> None:
        loop = asyncio.get_running_loop()
        await house.kill("signals")
        killed = loop.time()

        async def told() -> None:
            while json.loads(await _heard(channel)).get("status") != "DEGRADED":
                pass
            self.told_after_s = loop.time() - killed

        async def gone() -> None:
            while await redis.exists(*OF_SIGNALS):  # noqa: ASYNC110 - keys run out in silence
                await asyncio.sleep(0.05)
            self.gone_after_s = loop.time() - killed

        async with asyncio.timeout(15):
            await asyncio.gather(told(), gone())
        self.velocity_stays = bool(await redis.exists("velocity:BTCUSDT:current"))


async def _heard(channel: Any) -> str:
    async with asyncio.timeout(40):
        while (message := await channel.get_message(ignore_subscribe_messages=True, timeout=1.0)) is None:
            pass
    return str(message["data"])


async def _as_typed(port: int) -> list[str]:
    """Return what the real redis-cli prints for the same questions; nothing where there is none."""
    program = shutil.which("redis-cli") or shutil.which("valkey-cli")
    if program is None:
        return []
    answers = []
    for words in (["XREAD", "COUNT", "1", "STREAMS", "cascade:signals", "0"], *(["GET", key] for key in LATEST)):
        process = await asyncio.create_subprocess_exec(program, "-p", str(port), *words, stdout=asyncio.subprocess.PIPE)
        answers.append((await process.communicate())[0].decode())
    return answers


async def test_a_demo_is_read_without_a_password_and_a_dead_service_does_not_look_calm(tmp_path: Path) -> None:
    reader = Reader()
    options = DemoOptions(scenario="flash", seed=1, duration_s=SECONDS, tcp_port=0)
    attendance = Attendance(tmp_path, lambda _: None, asyncio.Event())
    outcome = await conduct(options, attendance, asides=Asides(during=reader.look))
    assert reader.critical["level"] in {"CRITICAL", "EXTREME"}
    assert reader.latest["cascade:probability:BTCUSDT"]["sides"].keys() == {"LONG", "SHORT"}
    assert reader.latest["velocity:BTCUSDT:current"]["windows"]
    assert reader.latest["regime:current"]["regime"]
    ((stream, ((_, fields),)),) = reader.first
    assert stream == "cascade:signals"
    assert json.loads(fields["json"])["signal_id"]
    for answer, word in zip(reader.typed, ("cascade:signals", "sides", "regime", "windows"), strict=False):
        assert word in answer
    assert reader.refused, "what is published may be read, not written"
    assert 0 < reader.gone_after_s < 6
    assert 0 < reader.told_after_s < 6
    assert reader.velocity_stays, "whose service lives"
    assert outcome.problems == ()
