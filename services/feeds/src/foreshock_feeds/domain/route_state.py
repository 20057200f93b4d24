"""What is known of a route: one table, every pair of state and input is in it or raises."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RouteState(StrEnum):
    """How far a route can be trusted."""

    CONNECTING = "CONNECTING"
    UNPROVEN = "UNPROVEN"
    """Connected and subscribed: proves nothing."""
    LIVE = "LIVE"
    """The canary was seen within its deadline."""
    SUSPECT = "SUSPECT"
    """The venue refused a subscription, and the canary was not seen since; or the canary is seen, and no liquidation
    came while other venues had so many that chance does not explain it."""
    DEAD = "DEAD"
    """The canary is overdue, or the plugin failed."""


class RouteInput(StrEnum):
    """What can happen to a route."""

    OPENED = "opened"
    CANARY = "canary"
    CANARY_ALONE = "canary alone"
    """The canary was seen while the venue is held for silent."""
    SILENT = "silent"
    """The venue is held for silent among the others."""
    HEARD = "heard"
    """It no longer is: a liquidation came."""
    OVERDUE = "overdue"
    REFUSED = "refused"
    CLOSED = "closed"
    FAILED = "failed"


class RouteChange(NamedTuple):
    """A route (venue/name) changed its state. last_good: when its canary was last seen, ns UTC, 0 never."""

    route: str
    before: RouteState
    after: RouteState
    reason: str
    last_good: int


_S, _I = RouteState, RouteInput
TABLE: dict[tuple[RouteState, RouteInput], RouteState] = {
    (_S.CONNECTING, _I.OPENED): _S.UNPROVEN,
    (_S.CONNECTING, _I.CANARY): _S.CONNECTING,
    (_S.CONNECTING, _I.OVERDUE): _S.DEAD,
    (_S.CONNECTING, _I.REFUSED): _S.CONNECTING,
    (_S.CONNECTING, _I.CLOSED): _S.CONNECTING,
    (_S.UNPROVEN, _I.CANARY): _S.LIVE,
    (_S.UNPROVEN, _I.OVERDUE): _S.DEAD,
    (_S.UNPROVEN, _I.REFUSED): _S.SUSPECT,
    (_S.UNPROVEN, _I.CLOSED): _S.CONNECTING,
    (_S.LIVE, _I.CANARY): _S.LIVE,
    (_S.LIVE, _I.OVERDUE): _S.DEAD,
    (_S.LIVE, _I.REFUSED): _S.SUSPECT,
    (_S.LIVE, _I.CLOSED): _S.CONNECTING,
    (_S.SUSPECT, _I.CANARY): _S.LIVE,
    (_S.SUSPECT, _I.OVERDUE): _S.DEAD,
    (_S.SUSPECT, _I.REFUSED): _S.SUSPECT,
    (_S.SUSPECT, _I.CLOSED): _S.CONNECTING,
    (_S.DEAD, _I.OPENED): _S.UNPROVEN,
    (_S.DEAD, _I.CANARY): _S.LIVE,
    (_S.DEAD, _I.OVERDUE): _S.DEAD,
    (_S.DEAD, _I.REFUSED): _S.DEAD,
    (_S.DEAD, _I.CLOSED): _S.DEAD,
    **{(state, _I.FAILED): _S.DEAD for state in _S},
    (_S.CONNECTING, _I.CANARY_ALONE): _S.CONNECTING,
    (_S.UNPROVEN, _I.CANARY_ALONE): _S.SUSPECT,
    (_S.LIVE, _I.CANARY_ALONE): _S.SUSPECT,
    (_S.SUSPECT, _I.CANARY_ALONE): _S.SUSPECT,
    (_S.DEAD, _I.CANARY_ALONE): _S.SUSPECT,
    (_S.CONNECTING, _I.SILENT): _S.CONNECTING,
    (_S.UNPROVEN, _I.SILENT): _S.UNPROVEN,
    (_S.LIVE, _I.SILENT): _S.SUSPECT,
    (_S.SUSPECT, _I.SILENT): _S.SUSPECT,
    (_S.DEAD, _I.SILENT): _S.DEAD,
    (_S.CONNECTING, _I.HEARD): _S.CONNECTING,
    (_S.UNPROVEN, _I.HEARD): _S.UNPROVEN,
    (_S.LIVE, _I.HEARD): _S.LIVE,
    (_S.SUSPECT, _I.HEARD): _S.LIVE,
    (_S.DEAD, _I.HEARD): _S.DEAD,
}


def advance(state: RouteState, happened: RouteInput) -> RouteState:
    """Return the state after what happened. Raises KeyError for a pair that cannot occur."""
    return TABLE[state, happened]
