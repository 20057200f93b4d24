"""`field=value` words, tried on messages that have every kind of field."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from foreshock_cli import assignments
from foreshock_cli.exits import CommandError, Exit
from foreshock_protos.common.v1.common_pb2 import Revision, ServiceStatus
from foreshock_protos.feeds.v1.control_pb2 import FeedsConfig, GetConfigResponse


def test_scalars_take_what_fits_them() -> None:
    status = ServiceStatus()
    paths = assignments.apply(status, ["service=velocity", "serving=true", "config_revision=7", "version=1.5"])
    assert paths == ["service", "serving", "config_revision", "version"]
    assert (status.service, status.serving, status.config_revision, status.version) == (
        "velocity",
        True,
        7,
        "1.5",
    )


def test_a_nested_field_gives_a_dotted_path() -> None:
    answer = GetConfigResponse()
    assert assignments.apply(answer, ["revision.etag=abc"]) == ["revision.etag"]
    assert answer.revision.etag == "abc"


@pytest.mark.parametrize("text", ["BTCUSDT,1000", '["BTCUSDT","1000"]'])
def test_a_list_is_replaced_whole(text: str) -> None:
    config = FeedsConfig(symbols=["OLDUSDT"])
    assert assignments.apply(config, [f"symbols={text}"]) == ["symbols"]
    assert list(config.symbols) == ["BTCUSDT", "1000"]


def test_nothing_after_the_sign_clears() -> None:
    config = FeedsConfig(symbols=["OLDUSDT"])
    assert assignments.apply(config, ["symbols="]) == ["symbols"]
    assert list(config.symbols) == []


def test_one_key_of_a_map_leaves_the_others_and_the_mask_names_the_map() -> None:
    status = ServiceStatus(counters={"a": 1, "b": 2})
    assert assignments.apply(status, ["counters.a=5", "counters.c.d=3", "counters.b="]) == ["counters"]
    assert dict(status.counters) == {"a": 5, "c.d": 3}


def test_a_map_of_messages_is_reached_into() -> None:
    status = ServiceStatus()
    status.latencies["old"].n = 1
    words = ["latencies.x.p50_ms=1.5", 'latencies.y={"n": 3}', "latencies.old="]
    assert assignments.apply(status, words) == ["latencies"]
    assert status.latencies["x"].p50_ms == 1.5
    assert status.latencies["y"].n == 3
    assert "old" not in status.latencies


@pytest.mark.parametrize("word", ["nonsense=1", "revision.nonsense=1", "config.symbols.x=1", "revision.etag.x=1"])
def test_an_unknown_field_is_named_beside_those_there_are(word: str) -> None:
    with pytest.raises(CommandError, match="there is no field") as raised:
        assignments.apply(GetConfigResponse(), [word])
    assert raised.value.code is Exit.USAGE
    assert "config.symbols" in raised.value.hint
    assert "revision.etag" in raised.value.hint


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (Revision(), "revision=many"),
        (Revision(), "revision=-1"),
        (Revision(), "revision=1.5"),
        (ServiceStatus(), "serving=perhaps"),
        (ServiceStatus(), "counters.a=perhaps"),
        (ServiceStatus(), "latencies.a=perhaps"),
        (ServiceStatus(), "partitions=[1]"),
    ],
)
def test_a_value_that_does_not_fit_names_its_field(message: Message, word: str) -> None:
    with pytest.raises(CommandError, match=rf"^{word.partition('=')[0]}: '") as raised:
        assignments.apply(message, [word])
    assert raised.value.code is Exit.USAGE


@pytest.mark.parametrize("word", ["thresholds.alert", "=1", ""])
def test_a_word_without_a_sign_is_refused(word: str) -> None:
    with pytest.raises(CommandError, match="is not FIELD=VALUE"):
        assignments.apply(Revision(), [word])


def test_fields_of_lists_nested_names_and_maps() -> None:
    assert "counters.KEY" in assignments.fields_of(ServiceStatus.DESCRIPTOR)
    assert assignments.fields_of(GetConfigResponse.DESCRIPTOR)[0] == "config.symbols"
