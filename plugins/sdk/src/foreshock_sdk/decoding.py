"""The way of a decoder through its frames: a batch at once where it can, else one by one and never raising."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from foreshock_sdk.columns import Decoded, Fault, RawLiquidation
from foreshock_sdk.errors import FrameError
from foreshock_sdk.instruments import Instruments, InstrumentSpec
from foreshock_sdk.reading import UNEXPECTED, UNREADABLE, Millis, SpellingIndex


def unknown(raw_symbol: str) -> InstrumentSpec:
    """Refuse a spelling that the table lacks. Raises FrameError."""
    raise FrameError(f"contract {raw_symbol!r} is not in the venue's list")


class FrameDecoder:
    """Base of decoders of JSON frames. A venue writes `message`, and `batch` where speed matters.

    index: the index of a contract by the venue's spelling; learn reads a spelling that the table lacks, or refuses
    it where a name says nothing of the contract.
    """

    def __init__(self, instruments: Instruments, learn: Callable[[str], InstrumentSpec] = unknown) -> None:
        self.index = SpellingIndex(instruments, learn)

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        try:
            return self.batch(frames)
        except UNEXPECTED:
            out = Decoded()
            for number, frame in enumerate(frames):
                self._frame(number, frame, out)
            return out

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:  # noqa: ARG002 - for those who override it
        """Decode frames that hold liquidations and nothing else; raise any of UNEXPECTED for all other batches.

        It leaves the decoder as it was when it raises.
        """
        raise FrameError("no fast path")

    def unpacked(self, frame: str | bytes) -> str | bytes:
        """Return the frame's text, of venues that pack theirs. Raises FrameError."""
        return frame

    def bare(self, number: int, frame: str | bytes, out: Decoded) -> bool:  # noqa: ARG002 - likewise
        """Take a frame that is not JSON (a bare `pong`); tell whether it was one."""
        return False

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame's JSON value. May raise any of UNREADABLE: then the frame is faulty."""
        raise NotImplementedError

    def rows(
        self, number: int, values: Iterable[Any], out: Decoded, read: Callable[[Any], RawLiquidation | None]
    ) -> None:
        """Add what `read` makes of each value; one it cannot read is a fault of its own, None is nothing for us."""
        for place, value in enumerate(values):
            try:
                row = read(value)
            except UNREADABLE as error:
                out.faults.append(Fault(number, place, str(error)))
                continue
            if row is not None:
                out.liquidations.append(number, row)

    def _frame(self, number: int, frame: str | bytes, out: Decoded) -> None:
        try:
            text = self.unpacked(frame)
            if self.bare(number, text, out):
                return
            value = msgspec.json.decode(text)
        except UNREADABLE as error:
            out.faults.append(Fault(number, None, f"not JSON: {error}"))
            return
        try:
            self.message(number, value, out)
        except UNREADABLE as error:
            out.faults.append(Fault(number, 0, str(error)))


def list_of(value: Any, name: str, *, optional: bool = False) -> list[Any]:
    """Return `value[name]`, which must be a list; an optional one may be missing. Raises FrameError."""
    found = value.get(name) if isinstance(value, dict) else None
    if found is None and optional:
        return []
    if not isinstance(found, list):
        raise FrameError(f"`{name}` is not a list")
    return found


def time_of(value: Any, name: str = "ts") -> int:
    """Return the time `value[name]` (ms), 0 when there is none."""
    try:
        return msgspec.convert(value.get(name, 0) if isinstance(value, dict) else 0, Millis, strict=False)
    except msgspec.ValidationError:
        return 0
