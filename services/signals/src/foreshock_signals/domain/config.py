"""What can be tuned while signals runs: thresholds, weights, timing, sensitivity, and exceptions by symbol."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import msgspec

SENSITIVITY = (0.25, 4.0)
PERSISTENCE_SECONDS = (0.0, 30.0)
RELEASE_SECONDS = (1.0, 600.0)
REPEAT_SECONDS = (0.1, 60.0)
COVERAGE_RATIO = (0.0, 1.0)


class Thresholds(msgspec.Struct, frozen=True):
    """Probability at which each level begins; strictly rising."""

    watch: float = 0.25
    alert: float = 0.50
    critical: float = 0.80
    extreme: float = 0.96


class FactorWeights(msgspec.Struct, frozen=True):
    """Shares of the six factors in the risk score; only their proportions matter."""

    velocity: float = 0.25
    acceleration: float = 0.15
    jerk: float = 0.10
    volume: float = 0.25
    correlation: float = 0.15
    clustering: float = 0.10


class Override(msgspec.Struct, frozen=True):
    """What differs for one symbol; null leaves the general value."""

    thresholds: Thresholds | None = None
    sensitivity: float | None = None


class SignalsConfig(msgspec.Struct, frozen=True):
    """The configuration of signals.

    off_ratio             a level is held while probability is at least this share of its threshold, 0..1
    persistence_seconds   how long probability must stay above a threshold, unless it is far above
    release_seconds       how long it must stay below off_ratio x threshold before a level ends
    repeat_seconds        how often a signal is repeated at WATCH or higher
    sensitivity           multiplier on rates: 2 answers to half the activity
    coverage_ratio        below this share of what the venues that are read could show, data quality is DEGRADED, 0..1
    overrides             by symbol
    """

    thresholds: Thresholds = Thresholds()
    weights: FactorWeights = FactorWeights()
    off_ratio: float = 0.4
    persistence_seconds: float = 0.5
    release_seconds: float = 20.0
    repeat_seconds: float = 1.0
    sensitivity: float = 1.0
    coverage_ratio: float = 0.9
    overrides: dict[str, Override] = msgspec.field(default_factory=dict)


_DECODER = msgspec.json.Decoder(SignalsConfig)


def encode(config: SignalsConfig) -> bytes:
    """Return the configuration as JSON, keys in a fixed order."""
    return msgspec.json.encode(config, order="deterministic")


def decode(document: bytes) -> SignalsConfig:
    """Read and check a configuration. Raises ValueError naming the fields (msgspec's for wrong types)."""
    config = _DECODER.decode(document)
    if problems := validate(config):
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in problems.items()))
    return config


def validate(config: SignalsConfig) -> dict[str, str]:
    """Return what is wrong, field path to reason; empty when nothing is."""
    found = dict(_thresholds("thresholds", config.thresholds))
    found |= dict(_weights(config.weights))
    for name, (low, high) in (
        ("off_ratio", (0.0, 1.0)),
        ("persistence_seconds", PERSISTENCE_SECONDS),
        ("release_seconds", RELEASE_SECONDS),
        ("repeat_seconds", REPEAT_SECONDS),
        ("sensitivity", SENSITIVITY),
        ("coverage_ratio", COVERAGE_RATIO),
    ):
        found |= dict(_within(name, getattr(config, name), low, high))
    for symbol, override in config.overrides.items():
        found |= dict(_override(f"overrides.{symbol}", symbol, override))
    return found


def _within(name: str, value: float, low: float, high: float) -> Iterator[tuple[str, str]]:
    if not (isfinite(value) and low <= value <= high):
        yield name, f"must be within {low:g}..{high:g}, got {value}"


def _thresholds(name: str, thresholds: Thresholds) -> Iterator[tuple[str, str]]:
    before = 0.0
    for field in thresholds.__struct_fields__:
        value = getattr(thresholds, field)
        if not (isfinite(value) and 0.0 < value < 1.0):
            yield f"{name}.{field}", f"must lie between 0 and 1, got {value}"
        elif value <= before:
            yield f"{name}.{field}", f"must be above the level before it ({before:g}), got {value:g}"
        before = value


def _weights(weights: FactorWeights) -> Iterator[tuple[str, str]]:
    values = {field: getattr(weights, field) for field in weights.__struct_fields__}
    for field, value in values.items():
        yield from _within(f"weights.{field}", value, 0.0, 1.0)
    if all(value == 0 for value in values.values()):
        yield "weights", "must not all be 0"


def _override(name: str, symbol: str, override: Override) -> Iterator[tuple[str, str]]:
    if not symbol or symbol != symbol.upper():
        yield name, "a symbol is upper case, like BTCUSDT"
    if override.thresholds is not None:
        yield from _thresholds(f"{name}.thresholds", override.thresholds)
    if override.sensitivity is not None:
        yield from _within(f"{name}.sensitivity", override.sensitivity, *SENSITIVITY)
