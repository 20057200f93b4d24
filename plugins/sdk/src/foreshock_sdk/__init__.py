"""The vocabulary of Foreshock: what a market-data plugin and its host say to each other.

Depends on pluggy and msgspec only, so a plugin author installs nothing else.
"""

from foreshock_sdk.columns import (
    Control,
    ControlKind,
    Decoded,
    Fault,
    Level,
    RawBooks,
    RawContext,
    RawLiquidation,
    RawLiquidations,
)
from foreshock_sdk.connecting import BaseConnector
from foreshock_sdk.connector import (
    Canary,
    Connector,
    Decoder,
    Endpoints,
    Heartbeat,
    Limits,
    Poll,
    Purpose,
    RestRequest,
    Route,
    Span,
    SpecTable,
    Throttle,
)
from foreshock_sdk.decoding import FrameDecoder
from foreshock_sdk.errors import Ambiguous, Fatal, FrameError, OptionError, Rejected, Retryable
from foreshock_sdk.events import (
    BookDepth,
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
from foreshock_sdk.simvenue import SimSession, SimVenue

__all__ = [
    "ENTRY_POINT_GROUP",
    "PROJECT",
    "Ambiguous",
    "BaseConnector",
    "BookDepth",
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
    "FrameDecoder",
    "FrameError",
    "FundingRate",
    "Heartbeat",
    "InstrumentSpec",
    "Instruments",
    "Level",
    "Limits",
    "LiquidatedSide",
    "LiquidationEvent",
    "MarkPrice",
    "OpenInterest",
    "OptionError",
    "Poll",
    "PriceKind",
    "Purpose",
    "Push",
    "RawBooks",
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
    "SimSession",
    "SimVenue",
    "Span",
    "SpecTable",
    "Throttle",
    "TopOfBook",
    "VenueScript",
    "convert",
    "hookimpl",
    "hookspec",
]
