"""Two velocity processes, a stream that is written beforehand, and what an unbroken run makes of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import RedisError
from tests.unit.velocity.entries_made import MS, NOW, Price, Row, Writer

from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_velocity.domain import VelocityState

PARTITIONS = 2
ENTRIES = 500
LEASE_SECONDS = 0.5
PATIENCE = 60.0
VENUES = ("binance", "bybit", "okx", "gate")
KINDS = ("kill", "pause", "end", "server")

Stream = dict[str, InputEntry]
Stored = list[tuple[bytes, dict[bytes, bytes]]]


class Fault(NamedTuple):
    """What happens once so many answers are written: to a process (0 or 1), or to the server. seconds: of a pause."""

    after: int
    kind: str
    target: int
    seconds: float


def schedule(seed: int) -> list[Fault]:
    """Return three faults at random times; a pause outlasts the lease, so that its process wakes as a zombie."""
    rnd = random.Random(seed)
    after = sorted(rnd.sample(range(20, 2 * ENTRIES - 100), 3))
    return [Fault(at, rnd.choice(KINDS), rnd.randrange(2), LEASE_SECONDS + rnd.uniform(0.1, 0.4)) for at in after]


def story(partition: int) -> Stream:
    """Return the inputs of a partition: bursts, late rows, repeats, prices, ticks and a configuration, by id."""
    rnd, writer, clock = random.Random(partition), Writer(), NOW
    found: Stream = {}
    for number in range(ENTRIES):
        clock += rnd.choice((1, 3, 20, 150)) * MS
        rows = [_row(rnd, clock) for _ in range(rnd.choice((1, 1, 3, 20)))]
        entry = (
            writer.batch(clock, *rows, Price(65_000.0 + number, clock)) if rnd.random() < 0.8 else writer.tick(clock)
        )
        found[f"{NOW // MS}-{number + 1}"] = entry
        if number == ENTRIES // 2:
            document = b'{"service":"velocity","revision":1,"document":{"cadence_ms":200}}'
            found[f"{NOW // MS}-{number + 1}"] = writer.entry("config", clock, document)
    return found


def _row(rnd: random.Random, clock: int) -> Row:
    ts = clock - rnd.choice((0, 50, 900, 400_000)) * MS
    usd = rnd.lognormvariate(8, 2)
    return Row(f"COIN{rnd.randrange(20)}USDT", rnd.choice(VENUES), rnd.randrange(2), usd, ts, key=rnd.getrandbits(62))


def unbroken(stream: Stream) -> Stored:
    """Return what one run without faults writes."""
    state = VelocityState()
    state.warming = True
    answers: list[tuple[str, OutputEntry]] = [(key, state.advance(key, entry)) for key, entry in stream.items()]
    return [(key.encode(), answer.to_fields()) for key, answer in answers]


def start_velocity(url: str, instance: str, partitions: int, **more: float) -> subprocess.Popen[bytes]:
    """Start a process of velocity with a short lease."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FORESHOCK_")}
    settings: dict[str, str | float] = {
        "redis_url": url,
        "instance": instance,
        "partitions": partitions,
        "lease_seconds": LEASE_SECONDS,
        "retention_seconds": 86_400,
        "log_level": "ERROR",
        **more,
    }
    ours = {f"FORESHOCK_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", "foreshock_velocity"], env=clean | ours)


class Drill:
    """A server and two processes of velocity that go on from one schedule to the next."""

    def __init__(self) -> None:
        self.streams = [story(partition) for partition in range(PARTITIONS)]
        self.expected = [unbroken(stream) for stream in self.streams]
        self._server = EmbeddedServer()
        asyncio.run(self._server.start())
        self.redis = Redis.from_url(self._server.url, socket_timeout=5)
        self.processes = [self._start(0), self._start(1)]

    def close(self) -> None:
        """End everything."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.redis.close()
        asyncio.run(self._server.stop())

    def run(self, faults: list[Fault]) -> list[Stored]:
        """Write the streams, let the faults happen, wait for the last answer; return the metrics streams."""
        self._write()
        for fault in faults:
            self._wait(lambda fault=fault: self._answered() >= fault.after)  # type: ignore[misc]
            self._inflict(fault)
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
        self._wait(lambda: self._answered() >= PARTITIONS * ENTRIES)
        return [self._stored(partition) for partition in range(PARTITIONS)]

    def _write(self) -> None:
        self.redis.flushall()
        for partition, stream in enumerate(self.streams):
            pipe = self.redis.pipeline(transaction=False)
            for key, entry in stream.items():
                fields: Any = entry.to_fields()
                pipe.xadd(keys.events(partition), fields, id=key)
            pipe.execute()

    def _inflict(self, fault: Fault) -> None:
        if fault.kind == "server":
            os.kill(self._server.pid, signal.SIGKILL)
            asyncio.run(self._server.wait_ready())
        elif fault.kind == "pause":
            self.processes[fault.target].send_signal(signal.SIGSTOP)
            time.sleep(fault.seconds)
            self.processes[fault.target].send_signal(signal.SIGCONT)
        else:
            process = self.processes[fault.target]
            process.send_signal(signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM)
            process.wait()
            self.processes[fault.target] = self._start(fault.target)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        return start_velocity(self._server.url, f"v{number}", PARTITIONS, snapshot_seconds=0.1)

    def _answered(self) -> int:
        return sum(int(self.redis.xlen(keys.metrics(partition))) for partition in range(PARTITIONS))

    def _stored(self, partition: int) -> Stored:
        found: Any = self.redis.xrange(keys.metrics(partition))
        return list(found)

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if condition():
                    return
            except RedisError:
                pass
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.002)
