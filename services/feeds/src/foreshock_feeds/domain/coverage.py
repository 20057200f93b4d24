"""Each venue's share of the market's liquidations: packaged until 24 hours were seen, then measured.

A venue is measured once it was live for nearly all of the trailing 24 hours. The measured venues keep together the part
of the whole market that the packaged table gives them, for what others liquidate cannot be seen, and divide it by their
USD a live second. So a house that reads three venues of nine never claims all of the market, and a venue that goes
silent keeps its share instead of leaving the sum: after some three hours it falls back to the packaged one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_model.tick import Share

Array = npt.NDArray[np.generic]
HOUR_NS = 3_600_000_000_000
HOURS = 24
"""Full hours that are kept beside the running one."""
SEEN_SECONDS = 0.9 * HOURS * 3_600
MOST_USD = 1e13
"""No venue liquidates more in an hour; a hash that says so is damaged."""
DIGITS = 6

Usd = Annotated[float, msgspec.Meta(ge=0, le=MOST_USD)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3_600)]


class PackagedShares(msgspec.Struct, frozen=True):
    """Shares of the whole market before 24 hours were seen.

    checked  the day they were looked up, YYYY-MM-DD;  kind, words: what they are and where they come from
    venues   share by venue;  others: of all venues not named, together
    """

    checked: str
    kind: str
    words: str
    venues: dict[str, Share]
    others: Share


def packaged() -> PackagedShares:
    """Read the table that comes with this package."""
    return msgspec.json.decode(files(__package__).joinpath("shares.json").read_bytes(), type=PackagedShares)


class Tally(msgspec.Struct):
    """One hour of one venue: USD liquidated, by the venue's time, and seconds in which it was seen."""

    usd: Usd = 0.0
    seconds: Seconds = 0.0


_HOURS = msgspec.json.Decoder(dict[int, Tally])


class Shares:
    """The last 24 hours of each venue, by the hour. partial: venues that cannot be seen whole; they have no share."""

    def __init__(self, venues: Iterable[str], partial: Iterable[str] = (), table: PackagedShares | None = None) -> None:
        self.venues = tuple(sorted(set(venues)))
        self.partial = frozenset(partial)
        self.table = packaged() if table is None else table
        self._hours: dict[str, dict[int, Tally]] = {venue: {} for venue in self.venues}

    def add(self, venue: str, usd: Array, ts: Array, now: int) -> None:
        """Take liquidations: USD and the venue's times, (n,) float64 and int64 ns UTC; old and future ones are nothing.

        now: ns UTC. Rows between two of one hour are taken to be of it: nearly all calls bring a few of one second.
        """
        newest, first, last = now // HOUR_NS, int(ts[0]) // HOUR_NS, int(ts[-1]) // HOUR_NS
        if first == last:
            if newest - HOURS <= first <= newest:
                self._tally(venue, first).usd += float(np.add.reduce(usd))
            return
        hour = ts // HOUR_NS
        for each in np.unique(hour).tolist():
            self.add(venue, usd[hour == each], ts[hour == each], now)

    def lived(self, venue: str, live: float, seconds: float, now: int) -> None:
        """Say to which part, 0 to 1, the venue was live for so long until `now`; more than an hour is not believed."""
        tally = self._tally(venue, now // HOUR_NS)
        tally.seconds = min(tally.seconds + live * seconds, 3_600.0)

    def of(self, now: int) -> dict[str, float]:
        """Return the share of each venue at `now`, ns UTC; forgets what is older than 24 hours."""
        rates = self._rates(now)
        everything = sum(rates.values())
        whole = sum(self.packaged_share(venue) for venue in rates)
        return {
            venue: round(rates[venue] / everything * whole, DIGITS)
            if venue in rates and everything > 0
            else self.packaged_share(venue)
            for venue in self.venues
        }

    def source(self, venue: str, now: int) -> str:
        """Return where the venue's share comes from: measured, packaged or partial."""
        if venue in self.partial:
            return "partial"
        rates = self._rates(now)
        return "measured" if venue in rates and any(rates.values()) else "packaged"

    def packaged_share(self, venue: str) -> float:
        """Return the share in the table; venues it does not name divide that of all others."""
        if venue in self.partial:
            return 0.0
        named = self.table.venues
        if venue in named:
            return named[venue]
        return self.table.others / sum(each not in named for each in self.venues)

    def dump(self, venue: str) -> bytes:
        """Return what is known of a venue as JSON."""
        return msgspec.json.encode(self._hours[venue])

    def load(self, kept: Mapping[str, bytes]) -> None:
        """Take up what an earlier run knew, JSON by venue; what cannot be read, and other venues, are left out."""
        for venue in self._hours.keys() & kept.keys():
            try:
                self._hours[venue] = _HOURS.decode(kept[venue])
            except msgspec.DecodeError:
                continue

    def _tally(self, venue: str, hour: int) -> Tally:
        hours = self._hours[venue]
        tally = hours.get(hour)
        if tally is None:
            tally = hours[hour] = Tally()
            for old in [each for each in hours if each < hour - HOURS]:
                del hours[old]
        return tally

    def _rates(self, now: int) -> dict[str, float]:
        """Return USD a live second of the venues that were seen for nearly all of the last 24 hours."""
        newest = now // HOUR_NS
        rates = {}
        for venue in self.venues:
            told = [each for hour, each in self._hours[venue].items() if newest - HOURS <= hour <= newest]
            seconds = sum(each.seconds for each in told)
            if seconds >= SEEN_SECONDS and venue not in self.partial:
                rates[venue] = sum(each.usd for each in told) / seconds
        return rates
