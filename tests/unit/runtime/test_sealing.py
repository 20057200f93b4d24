from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime.streams.ids import as_text, id_key
from foreshock_runtime.streams.sealing import SealError, seal, unseal

numbers = st.integers(0, 2**64 - 1)


@given(numbers, numbers, st.binary())
def test_what_is_sealed_comes_back(ms: int, seq: int, payload: bytes) -> None:
    assert unseal(seal(f"{ms}-{seq}", payload)) == (f"{ms}-{seq}", payload)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_byte_is_noticed(payload: bytes, data: st.DataObject) -> None:
    blob = bytearray(seal("5-1", payload))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealError):
        unseal(bytes(blob))


@given(st.binary(max_size=100), st.data())
def test_any_cut_is_noticed(payload: bytes, data: st.DataObject) -> None:
    blob = seal("5-1", payload)
    with pytest.raises(SealError):
        unseal(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**6))))
def test_ids_order_as_numbers(ids: list[tuple[int, int]]) -> None:
    texts = [f"{ms}-{seq}" for ms, seq in ids]
    assert [id_key(text) for text in sorted(texts, key=id_key)] == sorted(ids)


def test_ids_without_sequence() -> None:
    assert id_key("7") == (7, 0)
    with pytest.raises(ValueError, match="invalid literal"):
        id_key("x")


def test_replies_as_text() -> None:
    assert as_text(None) == "0-0"
    assert as_text(None, "none") == "none"
    assert as_text(b"1-2") == as_text("1-2") == "1-2"
