"""The configuration store against a real server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_model.entries import ConfigDocument, InputEntry, Sequencer
from foreshock_runtime.clock import FrameClock
from foreshock_runtime.config_store import ConfigStore, EtagMismatchError, Stored


@pytest.fixture
def store(redis: Redis) -> ConfigStore:
    return ConfigStore(redis, "signals", 3, FrameClock(42))


async def test_the_first_configuration(store: ConfigStore) -> None:
    assert await store.load() is None
    assert await store.save("", b'{"alert": 0.6}', "ann", "first") == 1
    stored = await store.load()
    assert stored is not None
    assert (stored.revision, stored.document) == (1, b'{"alert": 0.6}')


async def save_next(store: ConfigStore, document: bytes) -> Stored:
    present = await store.load()
    await store.save(present.etag if present else "", document, "ann", "because")
    stored = await store.load()
    assert stored is not None
    return stored


async def test_a_change_reaches_every_partition_in_its_own_stream(redis: Redis, store: ConfigStore) -> None:
    await save_next(store, b'{"a": 1}')
    await save_next(store, b'{"a": 2}')
    for partition in range(3):
        stored: Any = await redis.xrange(keys.events(partition))
        entries = [InputEntry.from_fields(fields) for _, fields in stored]
        assert [(e.kind, e.writer, e.epoch, e.seq, e.clock) for e in entries] == [
            ("config", "control:signals", 1, 1, 42),
            ("config", "control:signals", 1, 2, 42),
        ]
        told = msgspec.json.decode(entries[1].data, type=ConfigDocument)
        assert (told.service, told.revision, bytes(told.document)) == ("signals", 2, b'{"a": 2}')
        reader = Sequencer()
        assert all(reader.accept(e.writer, e.epoch, e.seq) for e in entries)
        assert reader.missing == 0


async def test_a_stale_etag_changes_nothing(redis: Redis, store: ConfigStore) -> None:
    first = await save_next(store, b"{}")
    second = await save_next(store, b"{}")
    assert first.etag != second.etag
    for stale in (first.etag, ""):
        with pytest.raises(EtagMismatchError) as caught:
            await store.save(stale, b'{"a": 9}', "bob", "late")
        assert caught.value.current == second.etag
    assert await store.load() == second
    assert await redis.xlen(keys.events(0)) == 2


async def test_a_change_between_reading_and_writing_is_refused(
    store: ConfigStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await save_next(store, b"{}")
    second = await save_next(store, b'{"a": 1}')

    async def as_it_was(_: ConfigStore) -> Stored:
        return first

    with monkeypatch.context() as patched:
        patched.setattr(ConfigStore, "load", as_it_was)
        with pytest.raises(EtagMismatchError) as caught:
            await store.save(first.etag, b'{"a": 9}', "bob", "raced")
    assert caught.value.current == second.etag


async def test_an_etag_for_a_configuration_that_is_not_there(store: ConfigStore) -> None:
    with pytest.raises(EtagMismatchError, match="none"):
        await store.save("abc", b"{}", "ann", "")


async def test_only_json_is_kept(store: ConfigStore) -> None:
    with pytest.raises(msgspec.DecodeError):
        await store.save("", b"{", "ann", "")
    assert await store.load() is None


async def test_history_has_who_and_why_newest_first_and_is_bounded(redis: Redis, store: ConfigStore) -> None:
    for n in range(103):
        await save_next(store, b'{"n": %d}' % n)
    history = await store.history()
    assert [line.revision for line in history] == list(range(103, 3, -1))
    assert await redis.llen(keys.config_history("signals")) == 100
    newest = (await store.history(limit=1))[0]
    assert (newest.author, newest.reason, newest.ts, bytes(newest.document)) == ("ann", "because", 42, b'{"n": 102}')


@pytest.mark.parametrize("fields", [{"revision": "x", "document": "{}"}, {"revision": "1"}])
async def test_what_is_no_configuration_is_told_as_such(
    redis: Redis, store: ConfigStore, fields: dict[Any, Any]
) -> None:
    await redis.hset(keys.config("signals"), mapping=fields)
    with pytest.raises(ValueError, match="holds no configuration"):
        await store.load()
