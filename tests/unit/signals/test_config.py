"""Every field of the configuration is checked, and every fault is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_signals.domain.config import (
    FactorWeights,
    Override,
    SignalsConfig,
    Thresholds,
    decode,
    encode,
    validate,
)


def test_the_built_in_configuration_is_valid() -> None:
    assert validate(SignalsConfig()) == {}


def test_it_survives_as_json() -> None:
    config = SignalsConfig(sensitivity=1.5, overrides={"ETHUSDT": Override(Thresholds(0.1, 0.2, 0.3, 0.4), 0.5)})
    assert decode(encode(config)) == config


def test_a_later_versions_field_is_ignored() -> None:
    assert decode(b'{"sensitivity": 2.0, "later": 1}') == SignalsConfig(sensitivity=2.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"thresholds": Thresholds(alert=0.1)}, "thresholds.alert"),
        ({"thresholds": Thresholds(watch=0.0)}, "thresholds.watch"),
        ({"thresholds": Thresholds(extreme=1.0)}, "thresholds.extreme"),
        ({"thresholds": Thresholds(critical=float("nan"))}, "thresholds.critical"),
        ({"weights": FactorWeights(jerk=-0.1)}, "weights.jerk"),
        ({"weights": FactorWeights(volume=float("inf"))}, "weights.volume"),
        ({"weights": FactorWeights(0, 0, 0, 0, 0, 0)}, "weights"),
        ({"off_ratio": 1.1}, "off_ratio"),
        ({"persistence_seconds": -1.0}, "persistence_seconds"),
        ({"release_seconds": 0.0}, "release_seconds"),
        ({"repeat_seconds": 0.0}, "repeat_seconds"),
        ({"sensitivity": float("nan")}, "sensitivity"),
        ({"sensitivity": 5.0}, "sensitivity"),
        ({"overrides": {"btcusdt": Override()}}, "overrides.btcusdt"),
        ({"overrides": {"BTCUSDT": Override(sensitivity=9.0)}}, "overrides.BTCUSDT.sensitivity"),
        (
            {"overrides": {"BTCUSDT": Override(Thresholds(0.5, 0.4, 0.8, 0.9))}},
            "overrides.BTCUSDT.thresholds.alert",
        ),
    ],
)
def test_a_fault_is_named_by_its_field(change: dict[str, Any], field: str) -> None:
    assert list(validate(SignalsConfig(**change))) == [field]


def test_an_invalid_document_is_refused_with_its_fields() -> None:
    with pytest.raises(ValueError, match=r"off_ratio: must be within 0\.\.1, got 2"):
        decode(b'{"off_ratio": 2.0}')


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="sensitivity"):
        decode(b'{"sensitivity": "high"}')
