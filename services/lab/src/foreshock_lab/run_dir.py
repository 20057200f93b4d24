"""Where a run leaves its logs: kept when asked for or when something went wrong, else removed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from foreshock_lab.summary import Summary


class RunPlace(msgspec.Struct):
    """A run's directory, and whether it stays."""

    path: Path
    keep: bool

    def told_in(self, summary: Summary) -> Summary:
        """Return the summary with the place of the logs among its problems."""
        return msgspec.structs.replace(summary, problems=(*summary.problems, f"logs: {self.path}"))


@contextmanager
def run_directory(wanted: Path | None) -> Iterator[RunPlace]:
    """Give a run its directory; one that failed keeps it."""
    if wanted is not None:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = RunPlace(wanted or Path(tempfile.mkdtemp(prefix="foreshock-run-")), wanted is not None)
    try:
        yield place
    except BaseException:
        place.keep = True
        raise
    finally:
        if not place.keep:
            shutil.rmtree(place.path, ignore_errors=True)
