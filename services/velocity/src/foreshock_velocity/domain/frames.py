"""JSON of many figures under names that never change: a frame made once, and figures set into its holes.

Hundreds of figures written this way cost a fifth of what building dictionaries of them does.
"""

from __future__ import annotations

import msgspec

from foreshock_velocity.domain.arrays import Array

HOLE = "%b"
"""Stands in a document for a figure that is not known yet."""


def framed(document: object) -> bytes:
    """Return a document's JSON as a frame."""
    return msgspec.json.encode(document).replace(b"%", b"%%").replace(b'"%%b"', b"%b")


def filled(frame: bytes, figures: Array) -> list[msgspec.Raw]:
    """Return the frame once for each row of figures (R, N), set into its N holes in order; NaN becomes null."""
    return [msgspec.Raw(frame % tuple(msgspec.json.encode(row)[1:-1].split(b","))) for row in figures.tolist()]
