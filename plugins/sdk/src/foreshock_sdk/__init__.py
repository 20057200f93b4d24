"""The vocabulary of Foreshock: what a market-data plugin and its host say to each other.

Depends on pluggy and msgspec only, so a plugin author installs nothing else.
"""

from foreshock_sdk.columns import (
    Control,
    ControlKind,
    Decoded,
    Fault,
    RawContext,
    RawLiquidation,
    RawLiquidations,
)
from foreshock_sdk.connector import (
    Canary,
    Connector,
    Decoder,
    Endpoints,
    Heartbeat,
    Limits,
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)
from foreshock_sdk.errors import Ambiguous, Fatal, FrameError, Rejected, Retryable
from foreshock_sdk.events import (
    ContextField,
    EventFlag,
    FundingRate,
    LiquidatedSide,
    LiquidationEvent,
    MarkPrice,
    OpenInterest,
    PriceKind,
    TopOfBook,
)
from foreshock_sdk.hookspecs import ENTRY_POINT_GROUP, PROJECT, hookimpl, hookspec
from foreshock_sdk.instruments import Instruments, InstrumentSpec, convert
from foreshock_sdk.simulation import Push, RestReply, ScriptSession, SimContext, SimLiquidation, VenueScript

__all__ = [
    "ENTRY_POINT_GROUP",
    "PROJECT",
    "Ambiguous",
    "Canary",
    "Connector",
    "ContextField",
    "Control",
    "ControlKind",
    "Decoded",
    "Decoder",
    "Endpoints",
    "EventFlag",
    "Fatal",
    "Fault",
    "FrameError",
    "FundingRate",
    "Heartbeat",
    "InstrumentSpec",
    "Instruments",
    "Limits",
    "LiquidatedSide",
    "LiquidationEvent",
    "MarkPrice",
    "OpenInterest",
    "PriceKind",
    "Push",
    "RawContext",
    "RawLiquidation",
    "RawLiquidations",
    "Rejected",
    "RestReply",
    "RestRequest",
    "Retryable",
    "Route",
    "ScriptSession",
    "SimContext",
    "SimLiquidation",
    "SpecTable",
    "Throttle",
    "TopOfBook",
    "VenueScript",
    "convert",
    "hookimpl",
    "hookspec",
]
