"""The whole house in processes, against simulated venues and recorded frames."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.e2e.recordings import record

from foreshock_lab.demo import DemoOptions, run_demo, simulations
from foreshock_lab.domain.facts import FrameReader
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_lab.replay import ReplayOptions, run_replay
from foreshock_lab.summary import Phase, Progress, highest
from foreshock_model import keys
from foreshock_model.signal import Level
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk import Instruments

pytestmark = pytest.mark.timeout(120)

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "binance-frames-2025-01-26_27.jsonl.gz"
LEVELS = {"NONE", "WATCH", "ALERT", "CRITICAL", "EXTREME"}


async def test_a_flash_over_two_partitions_is_seen_and_nothing_is_lost(tmp_path: Path) -> None:
    told: list[Progress] = []
    options = DemoOptions(scenario="flash", seed=1, duration_s=6.0, partitions=2, tcp_port=0, run_dir=tmp_path)
    summary = await run_demo(options, told.append)
    assert summary.problems == ()
    assert summary.ok
    assert summary.events.sent == summary.events.processed > 50
    assert summary.events.throttled > 0
    assert (summary.lost, summary.duplicates, summary.unknown_rows) == (0, 0, 0)
    assert summary.signals.keys() == LEVELS
    assert sum(summary.signals[level] for level in ("ALERT", "CRITICAL", "EXTREME")) > 0
    assert summary.services == {"feeds": "SERVING", "velocity": "SERVING", "signals": "SERVING"}
    assert summary.redis.embedded
    assert summary.redis.kind in {"redis", "valkey"}
    for latency in (summary.latency_ms.socket_to_metrics, summary.latency_ms.socket_to_signal):
        assert latency.n > 0
        assert 0 < latency.p50 <= latency.p99 <= latency.max
    phases = [each.phase for each in told]
    assert list(dict.fromkeys(phases))[:2] == [Phase.STARTING, Phase.RUNNING]
    assert phases[-1] is Phase.DONE
    info = told[-1].info
    assert info is not None
    assert info.redis_port
    assert "unix" not in repr(info)
    shown = json.loads(summary.to_json())
    assert shown["latency_ms"]["socket_to_signal"].keys() == {"n", "p50", "p99", "max"}
    assert shown["events"].keys() == {"sent", "throttled", "processed"}
    assert all((tmp_path / f"{service}.log").stat().st_size for service in summary.services)


async def test_a_bad_day_is_survived_without_an_alert_and_an_interrupt_is_told() -> None:
    stop = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.elapsed_s > 4.5:
            stop.set()

    summary = await run_demo(DemoOptions(scenario="edge", seed=2, duration_s=8.0, tcp_port=None), watch, stop)
    assert not summary.ok
    problems = [each for each in summary.problems if not each.startswith("logs: ")]
    assert problems == ["interrupted before the end"]
    assert summary.duplicates_dropped > 0
    _forget_logs(summary.problems)


async def test_a_redis_that_is_in_use_or_away_is_refused(redis: Redis, redis_server: EmbeddedServer) -> None:
    await redis.xadd(keys.events(0), {"kind": "x"})
    with pytest.raises(LabError, match="already holds event streams"):
        await run_demo(DemoOptions(redis_url=redis_server.url))
    with pytest.raises(UnreachableError, match="does not answer"):
        await run_demo(DemoOptions(redis_url="unix:///nowhere/at/all.sock"))


async def test_a_service_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    options = DemoOptions(tcp_port=None, run_dir=tmp_path, extra={"velocity": {"nonsense": "1"}})
    with pytest.raises(LabError, match=r"velocity ended with exit code 2: .*NONSENSE"):
        await run_demo(options)


async def test_frames_with_duplicates_are_replayed_on_a_named_redis(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    frames = [_force_order(at, at % 7) for at in range(60)]
    path = tmp_path / "frames.jsonl"
    path.write_text("\n".join([*frames, *frames[:20], "broken", '{"e":"else"}', _wrapped(frames[0])]) + "\n")
    options = ReplayOptions(file=path, venue="binance", redis_url=redis_server.url, partitions=2)
    summary = await run_replay(options)
    assert summary.problems == ()
    assert (summary.events.sent, summary.events.processed) == (60, 60)
    assert summary.duplicates_dropped == 21
    assert summary.scenario == "replay"
    assert summary.duration_s == pytest.approx(59 * 0.25, abs=0.5)
    assert not summary.redis.embedded


async def test_a_replay_at_a_speed_takes_its_time(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text("\n".join(_force_order(at, 1) for at in range(9)))
    told: list[tuple[Phase, float]] = []
    options = ReplayOptions(file=path, venue="binance", speed=2.0, tcp_port=None)
    summary = await run_replay(options, lambda each: told.append((each.phase, each.elapsed_s)))
    assert summary.ok, summary.problems
    assert Counter(phase for phase, _ in told)[Phase.RUNNING] >= 2


async def test_recordings_that_hold_nothing_and_venues_that_are_not_there_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(LabError, match="holds no frames"):
        await run_replay(ReplayOptions(file=empty, venue="binance"))
    empty.write_text("{}\n")
    with pytest.raises(LabError, match="no simulation of nowhere"):
        await run_replay(ReplayOptions(file=empty, venue="nowhere"))


async def test_a_recording_made_by_a_simulated_venue_comes_through_whole(tmp_path: Path) -> None:
    """Everything the venue sent, one stretch of it twice as after a reconnect, packed as recorders do."""
    frames = record(tmp_path / "plain", "bybit", "cascade", 12.0)
    told = simulations(("bybit",))
    reader = FrameReader(told.connectors["bybit"], Instruments("bybit", told.scripts["bybit"].listing()))
    ids = [[each.event_id for each in reader.read(frame)] for frame in frames]
    half = len(frames) // 2
    path = tmp_path / "recording.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join([*frames, *frames[half:]])))
    summary = await run_replay(ReplayOptions(file=path, venue="bybit", tcp_port=None))
    assert summary.problems == ()
    distinct = {each for row in ids for each in row}
    assert summary.events.sent == summary.events.processed == len(distinct) > 30
    assert (summary.lost, summary.duplicates) == (0, 0)
    assert summary.duplicates_dropped == sum(map(len, ids)) + sum(map(len, ids[half:])) - len(distinct) > 0
    assert highest(summary.signals) >= Level.WATCH


@pytest.mark.skipif(not RECORDING.exists(), reason="the recorded Binance frames are not on this machine")
async def test_the_recorded_flush_of_january_2025_comes_through_whole() -> None:
    summary = await run_replay(ReplayOptions(file=RECORDING, venue="binance", tcp_port=None))
    assert summary.problems == ()
    assert summary.events.sent == summary.events.processed == 1_837
    assert (summary.lost, summary.duplicates) == (0, 0)
    assert summary.duplicates_dropped == 1_673


def _force_order(at: int, side: int) -> str:
    stamp = 1_770_000_000_000 + 250 * at
    order = {
        "s": "BTCUSDT",
        "S": "SELL" if side else "BUY",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.014",
        "p": "9910",
        "ap": "9910.5",
        "X": "FILLED",
        "l": "0.014",
        "z": "0.014",
        "T": stamp,
    }
    return json.dumps({"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": stamp, "o": order}})


def _wrapped(frame: str) -> str:
    return json.dumps({"ts_recv": 1_770_000_000_000 * 10**6, "frame": frame})


def _forget_logs(problems: tuple[str, ...]) -> None:
    for problem in problems:
        if problem.startswith("logs: "):
            place = Path(problem.removeprefix("logs: "))
            for path in place.iterdir():
                path.unlink()
            place.rmdir()
