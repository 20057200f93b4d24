"""From frames to columns, one core. Ratios within one run are asserted, absolute figures printed for information."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import pytest

from foreshock_binance.connector import BinanceConnector
from foreshock_bybit.connector import BybitConnector
from foreshock_feeds.domain.ingest import Ingest
from foreshock_model.dedupe import Dedupe
from foreshock_okx.connector import OkxConnector
from foreshock_sdk import Connector, Instruments, InstrumentSpec

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]

HERE = Path(__file__).parent
BENCH_PYTHON = HERE.parents[1] / ".venv-bench" / "bin" / "python"
"""Where cryptofeed and ccxt are, when they are: their pins clash with ours."""
BATCH = 100
BURST = 1000
"""Frames at a time when they come faster than they are read."""
SECONDS = 2.0
CONTRACTS = 100
TS = 1_791_565_602_120

BINANCE = (
    '{{"stream":"!forceOrder@arr","data":{{"e":"forceOrder","E":{ts}5,"o":{{"s":"{name}","S":"SELL","o":"LIMIT","f":"IOC",'
    '"q":"0.190","p":"82338.30","ap":"82651.90","X":"FILLED","l":"0.155","z":"0.{n}","T":{ts}0,"ps":"{name}","st":1}}}}}}'
)
BYBIT = (
    '{{"topic":"allLiquidation.{name}","type":"snapshot","ts":{ts}5,"data":[{{"T":{ts}0,"s":"{name}","S":"Buy","v":"0.{n}",'
    '"p":"82396.90"}}]}}'
)
OKX = (
    '{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{"bkLoss":"0","bkPx":"82655.7","ccy":"",'
    '"posSide":"long","side":"sell","sz":"8.{n}","ts":"{ts}0"}}],"instFamily":"{name}","instId":"{name}","instType":"SWAP",'
    '"uly":"{name}"}}]}}'
)
VENUES: list[tuple[Connector, str, str]] = [
    (BinanceConnector(), BINANCE, "COIN{}USDT"),
    (BybitConnector(), BYBIT, "COIN{}USDT"),
    (OkxConnector(), OKX, "COIN{}-USDT-SWAP"),
]


def frames_of(template: str, name: str, count: int) -> list[str]:
    """Frames of as many distinct liquidations."""
    return [
        template.format(name=name.format(number % CONTRACTS), n=number + 1, ts=TS // 10 + number // 97)
        for number in range(count)
    ]


def instruments_of(venue: str, name: str) -> Instruments:
    names = [name.format(number) for number in range(CONTRACTS)]
    return Instruments(venue, [InstrumentSpec(venue=venue, raw_symbol=each, base=each, quote="USDT") for each in names])


def batches(frames: Sequence[str], size: int = BATCH) -> list[list[str | bytes]]:
    return [[*frames[start : start + size]] for start in range(0, len(frames), size)]


def best_rate(work: Callable[[list[str | bytes]], object], ready: Sequence[list[str | bytes]]) -> float:
    """The best over single batches: what the machine can do when nothing else disturbs it."""
    best, end = 0.0, perf_counter() + SECONDS
    while perf_counter() < end:
        for batch in ready:
            begun = perf_counter()
            work(batch)
            best = max(best, len(batch) / (perf_counter() - begun))
    return best


def decode_rate(connector: Connector, template: str, name: str) -> float:
    instruments = instruments_of(connector.venue, name)
    (route,) = connector.routes(instruments, (), connector.endpoints)[:1]
    decoder = connector.decoder(route, instruments)
    ready = batches(frames_of(template, name, 20 * BATCH))
    assert {len(decoder.feed(batch).liquidations) for batch in ready} == {BATCH}
    return best_rate(decoder.feed, ready)


def columns_rate() -> float:
    """Frames to canonical columns with identities, each row checked against what came before."""
    connector, template, name = VENUES[0]
    instruments = instruments_of("binance", name)
    (route,) = connector.routes(instruments, (), connector.endpoints)[:1]
    decoder, received = connector.decoder(route, instruments), array("q", [(TS + 10_000) * 1_000_000]) * BURST
    ready = batches(frames_of(template, name, 100 * BURST), BURST)
    ingest = Ingest(instruments, dedupe=Dedupe())
    kept = {len(ingest.rows(decoder.feed(batch), received).liquidations["price"]) for batch in ready}
    assert kept == {BURST}, "all are new the first time"
    return min(first_and_second(ready, lambda batch: ingest.rows(decoder.feed(batch), received), ingest))


def first_and_second(
    ready: Sequence[list[str | bytes]], work: Callable[[list[str | bytes]], object], ingest: Ingest
) -> tuple[float, float]:
    """The rate for rows that are new, and for rows that are all duplicates."""
    fresh = 0.0
    for _ in range(5):
        ingest.dedupe = Dedupe()
        for batch in ready:
            begun = perf_counter()
            work(batch)
            fresh = max(fresh, len(batch) / (perf_counter() - begun))
    return fresh, best_rate(work, ready)


def json_rate(template: str, name: str) -> float:
    """The rate of json.loads alone over the same frames: where handlers usually start."""
    ready = batches(frames_of(template, name, 20 * BATCH))
    return best_rate(lambda batch: [json.loads(frame) for frame in batch], ready)


def peer_rate(peer: str, tmp_path: Path) -> float:
    """The rate of a peer's own handler over the same frames, in the environment that has it."""
    here = importlib.util.find_spec(peer) is not None
    if not here and not BENCH_PYTHON.exists():
        pytest.skip(f"{peer} is not at hand: scripts/bench-env makes .venv-bench with it")
    frames = tmp_path / "frames"
    frames.write_text("\n".join(frames_of(BINANCE, "COIN{}USDT", 20 * BATCH)), encoding="utf-8")
    python = sys.executable if here else str(BENCH_PYTHON)
    command = [python, str(HERE / f"{peer}_rate.py"), str(frames), str(SECONDS)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(("connector", "template", "name"), VENUES, ids=[each[0].venue for each in VENUES])
def test_finished_columns_cost_less_than_half_of_parsing(connector: Connector, template: str, name: str) -> None:
    theirs, rate = json_rate(template, name), decode_rate(connector, template, name)
    print(f"\n{connector.venue}: json.loads {theirs:,.0f} frames/s, to columns {rate:,.0f} ({rate / theirs:.1f} times)")
    assert rate >= 2 * theirs


PEERS = [("cryptofeed", 4), ("ccxt", 15)]


@pytest.mark.parametrize(("peer", "times"), PEERS, ids=[peer for peer, _ in PEERS])
def test_frames_to_columns_against_a_peers_handler(peer: str, times: int, tmp_path: Path) -> None:
    theirs, ours = peer_rate(peer, tmp_path), decode_rate(*VENUES[0])
    print(f"\n{peer} {theirs:,.0f} frames/s, raw columns {ours:,.0f} ({ours / theirs:.1f} times)")
    assert ours >= times * theirs


@pytest.mark.parametrize(("peer", "times"), PEERS, ids=[peer for peer, _ in PEERS])
def test_canonical_columns_with_dedupe_against_a_peers_handler(peer: str, times: int, tmp_path: Path) -> None:
    theirs, ours = peer_rate(peer, tmp_path), columns_rate()
    print(f"\n{peer} {theirs:,.0f} frames/s, canonical and checked {ours:,.0f} ({ours / theirs:.1f} times)")
    assert ours >= times * theirs
