"""A snapshot between any two entries changes nothing that follows; anything else than a snapshot is refused."""

from __future__ import annotations

import contextlib
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer

from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain import VelocityConfig, VelocityState
from foreshock_velocity.domain import config as configs
from foreshock_velocity.domain.snapshot import LENGTHS, LEVEL, MAGIC, SCHEMA

Answer = tuple[OutputEntry, list[tuple[str, bytes]]]


def config_entry(writer: Writer, clock: int, config: VelocityConfig, revision: int = 1) -> InputEntry:
    document = b'{"service":"velocity","revision":%d,"document":%s}' % (revision, configs.encode(config))
    return writer.entry("config", clock, document)


def story(seed: int, length: int) -> list[InputEntry]:
    """Entries of all kinds with bursts, silence, late rows, marks and a change of configuration."""
    import random

    dice = random.Random(seed)
    feeds, control, clock = Writer(), Writer("control:velocity"), NOW
    entries = []
    for number in range(length):
        clock += dice.choice([0, 1, 7, 30, 100, 130, 2_000, 20_000, 320_000]) * MS
        rows: list[Row | Price] = [
            Row(
                f"S{dice.randrange(4)}USDT",
                dice.choice(["binance", "bybit", "okx", "other"]),
                dice.randrange(2),
                dice.lognormvariate(7, 2),
                clock - dice.choice([0, 5, 400, 3_000, 14_000]) * MS,
                key=dice.randrange(2**64) if dice.random() < 0.9 else dice.randrange(5),
            )
            for _ in range(dice.choice([0, 0, 1, 3, 20]))
        ]
        if dice.random() < 0.3:
            rows.append(Price(dice.uniform(9, 11), clock, "S1USDT", "okx", "S1USDT-PERP.OKX"))
            rows.append(Price(dice.uniform(9, 11), clock))
            rows.append(Price(dice.uniform(-1e-3, 1e-3), clock, field=ContextField.FUNDING))
        delays = {"okx": 1_500, "bybit": dice.choice([500, 1_000, 4_000])} if dice.random() < 0.5 else {}
        entries.append(feeds.batch(clock, *rows) if rows else feeds.tick(clock, **delays))
        if number == length // 2:
            changed = VelocityConfig(cadence_ms=50, disabled_symbols=("S2USDT",), late_after_ms=2_000)
            entries.append(config_entry(control, clock, changed))
            entries.append(control.entry("market", clock, b"{}"))
        if dice.random() < 0.1:
            entries.append(entries[-1])
    return entries


def run(state: VelocityState, entries: list[InputEntry]) -> list[Answer]:
    return [(state.advance("5-5", entry), state.publications()) for entry in entries]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.data())
def test_going_on_from_a_snapshot_equals_the_unbroken_run(seed: int, length: int, data: st.DataObject) -> None:
    entries = story(seed, length)
    cut = data.draw(st.integers(0, len(entries)))
    unbroken = VelocityState()
    unbroken.warming = data.draw(st.booleans())
    run(unbroken, entries[:cut])
    resumed = VelocityState.load(unbroken.dump())
    assert resumed.dump() == unbroken.dump()
    assert run(resumed, entries[cut:]) == run(unbroken, entries[cut:])
    assert resumed.dump() == unbroken.dump()


def test_delays_told_by_feeds_survive() -> None:
    """The same entries without a break, and through a snapshot taken after the only tick that told a delay."""
    feeds = Writer()
    state = VelocityState()
    state.advance("1-0", feeds.tick(NOW, okx=9_000))
    state.advance("2-0", feeds.batch(NOW, Row(venue="okx", ts=NOW)))
    resumed, later = VelocityState.load(state.dump()), [feeds.tick(NOW + 3 * SECOND)]
    assert run(resumed, later) == run(state, later)
    assert resumed.dump() == state.dump()


def test_an_empty_state_survives_a_snapshot() -> None:
    state = VelocityState.load(VelocityState().dump())
    assert (state.now, state.symbols, state.revision, state.warming) == (0, 0, 0, False)


def test_configuration_and_revision_survive() -> None:
    state = VelocityState()
    state.advance("1-0", config_entry(Writer(), NOW, VelocityConfig(cadence_ms=250), revision=7))
    resumed = VelocityState.load(state.dump())
    assert (resumed.config.cadence_ms, resumed.revision, resumed.last_id) == (250, 7, "1-0")


def busy_dump() -> bytes:
    state = VelocityState()
    run(state, story(3, 30))
    return state.dump()


DUMP = busy_dump()


def repacked(change: dict[str, object]) -> bytes:
    """Return the dump with another header."""
    _, length, _ = LENGTHS.unpack_from(DUMP)
    body, rest = inflated()
    header = msgspec.json.decode(body[:length])
    header |= change
    head = msgspec.json.encode(header)
    body = head + body[length:]
    return LENGTHS.pack(MAGIC, len(head), len(body)) + zlib.compress(body, LEVEL) + rest


def inflated() -> tuple[bytes, bytes]:
    """Return what is deflated in the dump, and what follows it."""
    inflater = zlib.decompressobj()
    return inflater.decompress(DUMP[LENGTHS.size :]), inflater.unused_data


def names(**change: object) -> dict[str, object]:
    """Return the dump's names with some changed."""
    _, length, _ = LENGTHS.unpack_from(DUMP)
    header = msgspec.json.decode(zlib.decompress(DUMP[LENGTHS.size :])[:length])
    return {"names": header["names"] | change}


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "too short"),
        (b"x" * 100, "not one of velocity"),
        (DUMP[:-1], "cut off"),
        (DUMP[: LENGTHS.size + 20], "another length"),
        (DUMP + bytes(8), "after the last array"),
        (repacked({"keys": []}), "after the last array"),
        (repacked({"keys": [10**9, 0]}), "cut off"),
        (DUMP[: LENGTHS.size] + b"no deflate stream", "snapshot"),
        (DUMP[: LENGTHS.size], "another length"),
        (LENGTHS.pack(MAGIC, 5, 2) + zlib.compress(b"{}"), "another length"),
        (LENGTHS.pack(MAGIC, 0, 0), "snapshot"),
        (LENGTHS.pack(MAGIC, 2, 2) + zlib.compress(b"{}"), "missing required field"),
        (LENGTHS.pack(MAGIC, 2, 2) + zlib.compress(b"{}" * 9), "another length"),
        (LENGTHS.pack(MAGIC, 2, 1 << 63) + zlib.compress(b"{}"), "snapshot"),
        (repacked({"schema": SCHEMA + 1}), f"schema {SCHEMA + 1}"),
        (repacked({"delays": {"okx": 10**30}}), "snapshot"),
        (repacked({"windows_ms": [100, 200]}), "windows"),
        (repacked(names(cells=0)), "after the last array"),
        (repacked(names(pairs=10**9)), "cut off"),
        (repacked(names(pairs=-1)), "cut off"),
        (repacked(names(venues=[])), "no names"),
        (repacked(names(venues=["x", "x", "x", "x"])), "twice"),
        (repacked({"sequencer": {"last": 3}}), "sequencer"),
    ],
)
def test_anything_else_is_refused_as_a_value_error(blob: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        VelocityState.load(blob)


def test_the_repacking_of_these_tests_is_sound() -> None:
    assert VelocityState.load(repacked({})).dump() == DUMP


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_never_do_worse_than_a_value_error(data: st.DataObject) -> None:
    before, rest = inflated()
    body = bytearray(before)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        VelocityState.load(DUMP[: LENGTHS.size] + zlib.compress(bytes(body)) + rest)


def test_other_windows_are_possible_and_kept_apart() -> None:
    state = VelocityState(windows_ms=(1_000, 5_000))
    run(state, story(1, 10))
    assert VelocityState.load(state.dump(), windows_ms=(1_000, 5_000)).dump() == state.dump()
    with pytest.raises(ValueError, match="windows"):
        VelocityState.load(state.dump())


def test_warming_lasts_as_long_as_the_longest_window() -> None:
    state, writer = VelocityState(), Writer()
    state.warming = True
    state.advance("1-0", writer.tick(NOW))
    assert VelocityState.load(state.dump()).warming
    state.advance("1-1", writer.tick(NOW + 299 * SECOND))
    assert state.warming
    state.advance("1-2", writer.tick(NOW + 300 * SECOND))
    assert not state.warming


def test_warming_again_begins_a_new_age() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.tick(NOW))
    state.advance("1-1", writer.tick(NOW + 400 * SECOND))
    state.warming = True
    assert state.warming
    state.advance("1-2", writer.tick(NOW + 401 * SECOND))
    assert state.warming
