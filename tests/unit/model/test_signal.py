"""Signals are one JSON object with the fields that subscribers were promised."""

from __future__ import annotations

import msgspec
import pytest

from foreshock_model.signal import (
    SCHEMA,
    DataQuality,
    Level,
    Scores,
    Signal,
    SignalMetrics,
    Volatility,
    decode,
    encode,
)

SIGNAL = Signal(
    signal_id="1-0",
    episode_id="BTCUSDT-LONG-1",
    symbol="BTCUSDT",
    side="LONG",
    ts=1_700_000_000_000_000_000,
    level="ALERT",
    signal="ALERT",
    probability=0.75,
    scores=Scores(risk=60, velocity=70, acceleration=50, jerk=0, volume=80, correlation=10, clustering=30),
    metrics=SignalMetrics(
        usd_10s=1e6,
        count_10s=12,
        usd_60s=2e6,
        usd_rate_2s=1e5,
        usd_rate_10s=1e5,
        times_usual=38,
        venues_active=2,
    ),
    regime="NORMAL",
    leading_venue=None,
    explanation="$1.0M long in 10 s",
    data_quality=DataQuality("OK", warming=False, input_ts=1, input_id="1-0", venues=("okx",)),
)


def test_a_signal_is_read_back() -> None:
    assert decode(encode(SIGNAL)) == SIGNAL


def test_the_promised_fields_are_there() -> None:
    promised = (
        "symbol side ts level signal probability scores metrics regime leading_venue explanation data_quality "
        "episode_id signal_id schema"
    )
    document = msgspec.json.decode(encode(SIGNAL))
    assert set(promised.split()) <= set(document)
    assert document["schema"] == SCHEMA
    assert document["kind"] == "signal"
    assert document["leading_venue"] is None


def test_fields_of_later_versions_are_ignored() -> None:
    document = msgspec.json.decode(encode(SIGNAL)) | {"later": 1}
    assert decode(msgspec.json.encode(document)) == SIGNAL


def test_a_missing_field_is_named() -> None:
    document = msgspec.json.decode(encode(SIGNAL))
    del document["probability"]
    with pytest.raises(msgspec.ValidationError, match="probability"):
        decode(msgspec.json.encode(document))


def test_levels_and_regimes_rise() -> None:
    assert [level.name for level in sorted(Level)] == ["NONE", "WATCH", "ALERT", "CRITICAL", "EXTREME"]
    assert [regime.name for regime in sorted(Volatility)] == [
        "DORMANT",
        "LOW",
        "NORMAL",
        "ELEVATED",
        "HIGH",
        "EXTREME",
    ]
