"""Configurations are checked field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_velocity.domain.config import VelocityConfig, decode, encode, problems

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


def test_the_built_in_configuration_is_sound() -> None:
    assert problems(VelocityConfig()) == {}
    assert decode(b"{}") == VelocityConfig()


@given(
    st.builds(
        VelocityConfig,
        cadence_ms=st.integers(10, 10_000),
        disabled_symbols=st.lists(NAMES, unique=True).map(tuple),
        venue_delay_ms=st.dictionaries(NAMES, st.integers(0, 60_000)),
        late_after_ms=st.integers(0, 300_000),
    )
)
def test_every_sound_configuration_is_read_back(config: VelocityConfig) -> None:
    assert problems(config) == {}
    assert decode(encode(config)) == config


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (VelocityConfig(cadence_ms=9), "cadence_ms"),
        (VelocityConfig(cadence_ms=10_001), "cadence_ms"),
        (VelocityConfig(late_after_ms=-1), "late_after_ms"),
        (VelocityConfig(late_after_ms=300_001), "late_after_ms"),
        (VelocityConfig(venue_delay_ms={"okx": -1}), "venue_delay_ms"),
        (VelocityConfig(venue_delay_ms={"okx": 60_001}), "venue_delay_ms"),
        (VelocityConfig(venue_delay_ms={"OKX": 1}), "venue_delay_ms"),
        (VelocityConfig(venue_delay_ms={"": 1}), "venue_delay_ms"),
        (VelocityConfig(disabled_symbols=("",)), "disabled_symbols"),
        (VelocityConfig(disabled_symbols=("A", "A")), "disabled_symbols"),
    ],
)
def test_a_bad_value_is_named_by_its_field(config: VelocityConfig, field: str) -> None:
    assert list(problems(config)) == [field]
    with pytest.raises(ValueError, match=field):
        decode(encode(config))


def test_all_bad_fields_are_named_at_once() -> None:
    assert set(problems(VelocityConfig(cadence_ms=0, late_after_ms=-1))) == {"cadence_ms", "late_after_ms"}


@pytest.mark.parametrize("document", [b"", b"[]", b'{"cadence_ms":"soon"}', b'{"cadence_ms":NaN}'])
def test_a_document_that_is_none_is_a_value_error(document: bytes) -> None:
    with pytest.raises(ValueError, match="velocity configuration"):
        decode(document)


def test_fields_of_later_versions_are_ignored() -> None:
    assert decode(b'{"cadence_ms":50,"estimator":"kernel"}').cadence_ms == 50


def test_unknown_venues_have_a_delay_too() -> None:
    config = VelocityConfig(venue_delay_ms={"okx": 700})
    assert config.delay_ns("okx", {}) == 700_000_000
    assert config.delay_ns("hyperliquid", {}) == 1_500_000_000


def test_an_override_goes_before_what_feeds_say() -> None:
    told = {"okx": 1_100, "bybit": 1_000}
    config = VelocityConfig(venue_delay_ms={"okx": 700})
    assert (config.delay_ns("okx", told), config.delay_ns("bybit", told)) == (700_000_000, 1_000_000_000)
    assert VelocityConfig().venue_delay_ms == {}
