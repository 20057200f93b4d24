"""The latest state of symbols, as JSON of keys that anybody may read: rendered only when somebody is to be told.

Many entries may be answered before that. Of what they made due only the newest counts, so a hundred of them cost one
document a symbol.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain.analysis import Analysis
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.conclusions import interest_publication
from foreshock_velocity.domain.current import Publication, mark_publications, velocity_documents
from foreshock_velocity.domain.teller import Teller


class Latest:
    """What is to be told anew, each thing once."""

    def __init__(self, book: Book, analysis: Analysis) -> None:
        self._book = book
        self._analysis = analysis
        self._rows: dict[str, tuple[WindowMetrics, int]] = {}
        self._marks: dict[int, None] = {}
        self._interests: dict[int, None] = {}

    def note(self, teller: Teller) -> None:
        """Note what the last answer made due: rows, and mark prices."""
        metrics = teller.metrics
        if metrics is not None:
            for row in teller.due:
                self._rows[metrics.symbols[row]] = metrics, row
        for number in teller.marks_due:
            self._marks[number] = None

    def note_interests(self, second: int) -> None:
        """Note the open interests that are due, if known: each every second second."""
        known = np.flatnonzero(np.isfinite(self._analysis.told.interest[: len(self._book.registry.symbols)]))
        self._interests.update(dict.fromkeys(known[known % 2 == second % 2].tolist()))

    def take(self, now: int) -> list[Publication]:
        """Return key and JSON of what is due, and forget that it was. now: ns UTC."""
        found = self._documents()
        for number in self._marks:
            found += mark_publications(self._book.newest_mark(number))
        names, told = self._book.registry.symbols, self._analysis.told
        found += [
            interest_publication(names[each], told.gauges[each], interest=float(told.interest[each]), ts=now)
            for each in self._interests
        ]
        for due in (self._rows, self._marks, self._interests):
            due.clear()
        return found

    def _documents(self) -> list[Publication]:
        """Return the documents of the rows, those of one answer together."""
        answers: dict[int, WindowMetrics] = {}
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for metrics, row in self._rows.values():
            answers[id(metrics)] = metrics
            rows[id(metrics)].append(row)
        return [each for name, metrics in answers.items() for each in velocity_documents(metrics, rows[name])]
