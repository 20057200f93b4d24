"""Signals as subscribers read them: one JSON object, flat where a person looks first."""

from __future__ import annotations

from enum import IntEnum

import msgspec

SCHEMA = 1


class Level(IntEnum):
    """How far a cascade has gone, in rising order."""

    NONE = 0
    WATCH = 1
    ALERT = 2
    CRITICAL = 3
    EXTREME = 4


class Volatility(IntEnum):
    """Volatility regime of BTC, in rising order."""

    DORMANT = 0
    LOW = 1
    NORMAL = 2
    ELEVATED = 3
    HIGH = 4
    EXTREME = 5


class Scores(msgspec.Struct, frozen=True):
    """The six factors and their weighted sum, each 0 to 100."""

    risk: float
    velocity: float
    acceleration: float
    jerk: float
    volume: float
    correlation: float
    clustering: float


class SignalMetrics(msgspec.Struct, frozen=True):
    """The figures behind a signal, over all venues; null where undefined.

    usd_10s [USD], count_10s, usd_rate_2s and usd_rate_10s [USD/s], acceleration [USD/s^2], jerk [USD/s^3],
    times_usual = usd_10s over what is usual for this symbol and side.
    """

    usd_10s: float
    count_10s: float
    usd_60s: float
    usd_rate_2s: float
    usd_rate_10s: float
    times_usual: float
    venues_active: int
    acceleration: float | None = None
    jerk: float | None = None
    mark: float | None = None


class DataQuality(msgspec.Struct, frozen=True):
    """How far the data behind a signal can be trusted.

    status         OK, WARMING (cold start on packaged priors), DEGRADED (the input has stopped in a burst, or too much
                   of what could be seen is not live) or UNKNOWN (nothing was ever heard of the symbol)
    input_ts       ns UTC: when the newest event of the causing entry came, or that entry's clock
    input_id       id of the causing entry
    venues         venues seen for this symbol
    missing        inputs a model would use and does not have
    coverage       share of the whole market's liquidated USD that is seen live, 0 to 1; null while feeds have not told
    venues_used    venues that are live;  venues_missing: those that are read and are not
    censored       venues that told liquidations of the side in the last minute and hide a good part of them just now,
                   because they thin what they tell: the figures behind the signal are lower bounds
    """

    status: str
    warming: bool
    input_ts: int
    input_id: str
    venues: tuple[str, ...]
    missing: tuple[str, ...] = ()
    coverage: float | None = None
    venues_used: tuple[str, ...] = ()
    venues_missing: tuple[str, ...] = ()
    censored: tuple[str, ...] = ()


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal: side is the one being liquidated, ts ns UTC, signal equals level, schema this object's version."""

    schema: int = SCHEMA
    kind: str = "signal"
    signal_id: str
    episode_id: str
    symbol: str
    side: str
    ts: int
    level: str
    signal: str
    probability: float
    scores: Scores
    metrics: SignalMetrics
    regime: str
    leading_venue: str | None
    explanation: str
    data_quality: DataQuality
    config_revision: int = 0


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Signal)


def encode(signal: Signal) -> bytes:
    """Return a signal as JSON."""
    return _ENCODER.encode(signal)


def decode(data: bytes) -> Signal:
    """Read a signal; unknown fields are ignored. Raises msgspec.ValidationError naming the field."""
    return _DECODER.decode(data)
