"""Entries as Redis stores them, and the proof that none is missing or doubled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.entries import INPUT_KINDS, OUTPUT_KINDS, InputEntry, OutputEntry, Sequencer
from foreshock_model.errors import CodecError

COUNTS = st.integers(0, 2**62)
ENTRIES = st.builds(
    InputEntry, st.sampled_from(sorted(INPUT_KINDS)), st.text(max_size=10), COUNTS, COUNTS, COUNTS, st.binary()
)


@given(ENTRIES)
def test_an_input_is_read_back_and_unknown_fields_are_ignored(entry: InputEntry) -> None:
    assert InputEntry.from_fields(entry.to_fields() | {b"later": b"x"}) == entry


@given(st.builds(OutputEntry, st.sampled_from(sorted(OUTPUT_KINDS)), COUNTS, st.binary()))
def test_an_output_is_read_back(entry: OutputEntry) -> None:
    assert OutputEntry.from_fields(entry.to_fields()) == entry


@pytest.mark.parametrize("field", ["kind", "writer", "epoch", "seq", "clock", "data"])
def test_a_missing_field_is_named(field: str) -> None:
    fields = InputEntry("tick", "w", 1, 1, 1).to_fields()
    del fields[field.encode()]
    with pytest.raises(CodecError, match=field):
        InputEntry.from_fields(fields)


@pytest.mark.parametrize("field", ["epoch", "seq", "clock"])
def test_a_number_that_is_none_is_named(field: str) -> None:
    fields = InputEntry("tick", "w", 1, 1, 1).to_fields() | {field.encode(): b"soon"}
    with pytest.raises(CodecError, match=field):
        InputEntry.from_fields(fields)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(CodecError, match="kind"):
        InputEntry.from_fields(InputEntry("metrics", "w", 1, 1, 1).to_fields())
    with pytest.raises(CodecError, match="kind"):
        OutputEntry.from_fields({b"kind": b"\xff", b"clock": b"1", b"data": b""})


def test_repeats_are_dropped_and_jumps_are_loss() -> None:
    sequencer = Sequencer()
    taken = [sequencer.accept("a", 1, seq) for seq in (5, 6, 6, 5, 9, 10)]
    assert taken == [True, True, False, False, True, True]
    assert (sequencer.repeated, sequencer.missing) == (2, 2)


def test_a_new_epoch_begins_at_one() -> None:
    sequencer = Sequencer()
    assert sequencer.accept("a", 1, 7)
    assert sequencer.accept("a", 2, 3)
    assert not sequencer.accept("a", 1, 8)
    assert (sequencer.repeated, sequencer.missing) == (1, 2)


def test_writers_are_counted_apart() -> None:
    sequencer = Sequencer()
    assert sequencer.accept("a", 1, 1)
    assert sequencer.accept("b", 1, 1)
    assert (sequencer.repeated, sequencer.missing) == (0, 0)


ACCEPTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(1, 9)))


@given(ACCEPTS, ACCEPTS)
def test_a_sequencer_goes_on_from_its_dump(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    unbroken, resumed = Sequencer(), Sequencer()
    for each in before:
        unbroken.accept(*each)
    resumed.load(unbroken.dump())
    assert [resumed.accept(*each) for each in after] == [unbroken.accept(*each) for each in after]
    assert resumed.dump() == unbroken.dump()


def test_a_dump_that_is_none_is_refused() -> None:
    with pytest.raises(CodecError, match="sequencer state"):
        Sequencer().load({"last": {"a": "x"}, "repeated": 0, "missing": 0})
