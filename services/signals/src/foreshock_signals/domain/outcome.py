"""What one entry brings about: signals for subscribers, and the latest figures of symbols."""

from __future__ import annotations

import msgspec

from foreshock_model.sight import Sight
from foreshock_model.signal import DataQuality, Signal
from foreshock_signals.domain.market import Market

SCHEMA = 1


class SideAssessment(msgspec.Struct, frozen=True):
    """One side of a symbol; episode_id is null while there is none. risk: weighted score, 0 to 100."""

    probability: float
    level: str
    risk: float
    episode_id: str | None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """`cascade:probability:{symbol}`: the latest of a symbol.

    probability, level, side   of the more endangered side; null when nothing is known of the symbol
    ts                         ns UTC of the input it rests on, or of the clock when there was none
    sides                      LONG and SHORT: the positions being liquidated
    """

    schema: int = SCHEMA
    symbol: str
    ts: int
    probability: float | None
    level: str | None
    side: str | None
    sides: dict[str, SideAssessment]
    regime: str
    model: str
    data_quality: DataQuality
    config_revision: int


class Outcome(msgspec.Struct, frozen=True):
    """What `SignalsState.advance` answers: signals in the order of their ids, and what to publish as latest.

    market is there once a second while a market entry has come within FRESH_MARKET of the clock. sight: how much of
    the market is seen.
    """

    signals: tuple[Signal, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    market: Market | None = None
    sight: Sight | None = None


NOTHING = Outcome()
