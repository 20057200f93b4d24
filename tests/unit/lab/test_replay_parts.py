"""What replays are judged by: the story of the signals, the hash of a stream, the lines of an archive."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_lab.demo import DemoOptions, make_timeline, simulations
from foreshock_lab.domain.offline import run_offline
from foreshock_lab.domain.story import Story
from foreshock_lab.domain.stream_archive import decode, encode, input_of
from foreshock_lab.domain.stream_hash import StreamHash
from foreshock_lab.replay_sink import recorded, retention
from foreshock_model import keys, signal
from foreshock_model.signal import Level
from foreshock_signals import commands
from foreshock_signals.domain.outcome import Outcome

Fields = dict[bytes, bytes]
FIELDS = st.dictionaries(st.text(max_size=5).map(str.encode), st.binary(max_size=9), max_size=4)


@given(FIELDS)
def test_an_entry_comes_back_from_an_archive_byte_for_byte(fields: Fields) -> None:
    line = encode("17-3", fields)
    assert line.count(b"\n") == 1
    found = decode(line)
    assert (found.id, found.stored, list(found.stored)) == ("17-3", fields, list(fields))


@given(st.lists(st.tuples(st.sampled_from(["1-0", "1-1", "11-0"]), FIELDS), max_size=4), st.data())
def test_a_hash_tells_any_two_streams_apart(entries: list[tuple[str, Fields]], data: st.DataObject) -> None:
    others = data.draw(st.one_of(st.just(entries), st.permutations(entries), st.just(entries[:-1])))

    def order(stream: list[tuple[str, Fields]]) -> list[tuple[str, list[tuple[bytes, bytes]]]]:
        return [(entry_id, list(fields.items())) for entry_id, fields in stream]

    assert (digest(entries) == digest(others)) is (order(entries) == order(others))


def digest(entries: list[tuple[str, Fields]]) -> str:
    found = StreamHash()
    for entry_id, fields in entries:
        found.add(entry_id, fields)
    assert found.entries == len(entries)
    return found.hexdigest()


@pytest.mark.parametrize(("k", "output"), [(0, "7-3072"), (5, "7-3077"), (1023, "7-4095")])
def test_an_outputs_id_tells_its_input(k: int, output: str) -> None:
    assert keys.output_id("7-3", k) == output
    assert input_of(output) == (7, 3)


def test_a_story_counts_levels_changes_and_episodes() -> None:
    venues = simulations(("bybit",))
    options = DemoOptions(scenario="flash", seed=3, duration_s=8.0)
    said = [
        each
        for _, each in run_offline(make_timeline(options, venues.scripts), venues.scripts, venues.connectors).signals
    ]
    story = Story()
    for each in said:
        story.take(each)
    assert sum(story.levels.values()) == len(said) > 0
    assert story.episodes == len({each.episode_id for each in said})
    assert [change.ts for change in story.changes] == sorted(change.ts for change in story.changes)
    assert all(change.level != Level.NONE.name for change in story.changes[:1])
    again = [msgspec.structs.replace(each, level="NONE") for each in said[:1]]
    for each in [*again, *again]:
        story.take(each)
    assert [change.level for change in story.changes].count("NONE") == 1


def test_the_record_is_what_the_server_would_hold() -> None:
    venues = simulations(("bybit",))
    options = DemoOptions(scenario="flash", seed=3, duration_s=8.0)
    _, said = run_offline(make_timeline(options, venues.scripts), venues.scripts, venues.connectors).signals[0]
    made = commands.of(Outcome((said, said)), 1, "5-2", retention())
    found = recorded(made, keys.signals(1))
    assert [entry_id for entry_id, _ in found] == ["5-2048", "5-2049"]
    assert signal.decode(found[0][1][b"json"]) == said
    assert float(found[0][1][b"probability"]) == said.probability
    assert recorded(made, keys.signals(0)) == []
