"""What most connectors share: a base to write a venue on, so that its own code says only what is its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec

from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Decoder, Endpoints, Limits, RestRequest, Route, Span, SpecTable, Throttle
from foreshock_sdk.errors import OptionError
from foreshock_sdk.instruments import Instruments, InstrumentSpec

OPTION_NAMED = re.compile(r"unknown field `(?P<unknown>[^`]*)`|at `\$\.(?P<wrong>[^`]*)`")


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a venue without options."""


class BaseConnector:
    """A connector without options, REST or history; a venue overrides what it has.

    Options is the struct of the operator's options: frozen, every field with a default, unknown fields forbidden. What
    was given stands in `options`.
    """

    venue: str
    endpoints: Endpoints
    throttle: Throttle = Throttle(push_interval=0.0)
    limits: Limits
    Options: ClassVar[type[msgspec.Struct]] = NoOptions

    def __init__(self, options: Any = None) -> None:
        self.options: Any = self.Options() if options is None else options

    def configured(self, options: Mapping[str, Any]) -> Self:
        """Return this connector with other options. Raises OptionError naming the first that is wrong."""
        try:
            return type(self)(msgspec.convert(dict(options), self.Options))
        except msgspec.ValidationError as error:
            raise self._refusal(options, str(error)) from None

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:  # noqa: ARG002 - the protocol
        """Return nothing to ask: the packaged table is all."""
        return ()

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:  # noqa: ARG002 - likewise
        """Return no contract."""
        return ()

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:  # noqa: ARG002 - likewise
        """Return None: one answer holds all."""
        return None

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        raise NotImplementedError

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return the sockets that cover these markets."""
        raise NotImplementedError

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a new decoder for one connection."""
        raise NotImplementedError

    def backfill_requests(
        self,
        route: Route,  # noqa: ARG002 - likewise
        instruments: Instruments,  # noqa: ARG002
        span: Span,  # noqa: ARG002
        endpoints: Endpoints,  # noqa: ARG002
    ) -> Sequence[RestRequest]:
        """Return nothing to ask: the venue keeps no history."""
        return ()

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:  # noqa: ARG002
        """Return nothing."""
        return Decoded()

    def _refusal(self, options: Mapping[str, Any], words: str) -> OptionError:
        named = OPTION_NAMED.search(words)
        if named is None:
            return OptionError("options", dict(options), words)
        if named["unknown"] is not None:
            there = ", ".join(self.Options.__struct_fields__) or "none"
            why = f"{self.venue} has no such option; there are {there}"
            return OptionError(named["unknown"], options.get(named["unknown"]), why)
        option = re.split(r"[.\[]", named["wrong"])[0]
        return OptionError(option, options.get(option), words.partition(" - at")[0])
