"""What a rate costs: processor time of each process and memory of Redis, from a venue's socket to committed metrics."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.bench.conftest import Record
from tests.bench.test_pipeline_bench import blaster, line, settle

from foreshock_lab.house import House, HouseSettings
from foreshock_sdk.connector import Endpoints

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
SECONDS = 8.0
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far, its threads included (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@pytest.mark.parametrize("rate", [1_000, 10_000, 100_000])
async def test_what_a_rate_costs(tmp_path: Path, rate: int, record: Record) -> None:
    async with blaster(rate, SECONDS) as (process, address):
        endpoints = {"binance": Endpoints(f"ws://{address}", f"http://{address}")}
        async with House(HouseSettings(run_dir=tmp_path, venues=("binance",), endpoints=endpoints)) as house:
            for service in ("velocity", "feeds"):
                await house.launch(service)
                await house.serving(service)
            info = await house.redis.info()
            pids = {name: house.children[name].pid for name in ("feeds", "velocity")} | {"redis": info["process_id"]}
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            sent = json.loads(await line(process))
            counted, _ = await settle(house, sent["sent"])
            view = await house.status("velocity")
            assert view is not None
            told = view.latencies["socket_to_metrics"]
            memory = await house.redis.info("memory")
            for name, pid in pids.items():
                used = (cpu_seconds(pid) - before[name]) / SECONDS
                record(f"house_{rate}_cpu_{name}", used, f"{rate:,}/s: {name} {{:.2f}} cores")
            record(f"house_{rate}_redis_mb", memory["used_memory"] / 1e6, f"{rate:,}/s: Redis {{:.1f}} MB")
            record(f"house_{rate}_p50_ms", told.p50, f"{rate:,}/s: socket to metrics p50 {{:.2f}} ms")
            record(f"house_{rate}_p99_ms", told.p99, f"{rate:,}/s: socket to metrics p99 {{:.2f}} ms")
    assert counted == sent["sent"]
