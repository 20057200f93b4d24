"""What the entries of one read lead to: the commands of one commit, and dead letters for bad entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foreshock_runtime.log import Logger
from foreshock_runtime.scrubbing import scrub
from foreshock_runtime.streams.ids import as_text, id_key
from foreshock_runtime.streams.recovery import DEAD_KEPT, Names, Processor, Turns, pairs
from foreshock_runtime.streams.scripts import Argument, Command

_ERROR_TEXT = 500

# An entry as read: its id and its fields, None where it was trimmed away before.
Entry = tuple[str, Mapping[bytes, bytes] | None]


@dataclass(slots=True)
class Work:
    """What is to be committed: from the cursor expected to the one reached.

    taken  the entries are in the group's hand; else the commit takes them
    denied the server has said that it wrote nothing of this, for want of the lease
    """

    expected: str
    cursor: str
    taken: bool = True
    ids: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    answered: int = 0
    trimmed: int = 0
    dead: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    snapshot: bool = False
    denied: bool = False

    def arguments(self, names: Names, *, token: str, consumer: str, read: int) -> list[Argument]:
        """Return the arguments of the commit script; it then reads so many new entries."""
        args: list[Argument] = [self.expected, self.cursor, token, consumer, read, names.service]
        args += [int(not self.taken), len(self.ids), *self.ids]
        for command in self.commands:
            args.append(len(command))
            args += command
        return args


class Answers:
    """Feeds entries to the processor and remembers which of them failed, and how often."""

    def __init__(self, names: Names, deliveries: int, log: Logger) -> None:
        self._names = names
        self._deliveries = deliveries
        self._log = log
        self._failures: Counter[str] = Counter()
        self._condemned: dict[str, str] = {}

    async def take_all(self, processor: Processor, entries: list[Entry], cursor: str, *, taken: bool) -> Work:
        """Take in the entries in order, up to the first one that fails (`failed` is then set)."""
        work = Work(expected=cursor, cursor=cursor, taken=taken)
        turns = Turns()
        for entry_id, fields in entries:
            try:
                self._take(processor, entry_id, fields, work)
            except Exception as error:  # noqa: BLE001 - whatever an entry does to its processor
                self._fail(entry_id, error)
                work.failed = True
                break
            await turns.give()
        if not work.failed:
            work.commands += self._closing(processor)
        return work

    def settle(self, work: Work) -> None:
        """Forget the failures of entries that are committed now."""
        for entry_id in work.ids:
            self._failures.pop(entry_id, None)
        for entry_id, reason in work.dead.items():
            self._condemned.pop(entry_id, None)
            self._log.error("dead_letter", entry=entry_id, stream=self._names.dead, reason=reason)

    def _take(self, processor: Processor, entry_id: str, fields: Mapping[bytes, bytes] | None, work: Work) -> None:
        if id_key(entry_id) > id_key(work.cursor):
            if fields is None:
                work.trimmed += 1
            elif entry_id in self._condemned:
                work.commands.append(self._dead_letter(entry_id, fields))
                work.commands += self._poison(processor, entry_id)
                work.dead[entry_id] = self._condemned[entry_id]
            else:
                work.commands += processor.advance(entry_id, fields)
            work.cursor = entry_id
            work.answered += 1
        work.ids.append(entry_id)

    def _fail(self, entry_id: str, error: Exception) -> None:
        self._failures[entry_id] += 1
        self._log.exception("entry_failed", entry=entry_id, attempt=self._failures[entry_id])
        if self._failures[entry_id] >= self._deliveries:
            self._condemned[entry_id] = scrub(f"{type(error).__name__}: {error}")[:_ERROR_TEXT]

    def _poison(self, processor: Processor, entry_id: str) -> list[Command]:
        try:
            return processor.poison(entry_id)
        except Exception:  # noqa: BLE001 - it is logged with its traceback
            # An entry without an answer is better than a partition that stands still.
            self._log.exception("poison_failed", entry=entry_id)
            return []

    def _closing(self, processor: Processor) -> list[Command]:
        try:
            return processor.closing()
        except Exception:  # noqa: BLE001 - it is logged with its traceback
            # The answers themselves are good, and stand.
            self._log.exception("closing_failed")
            return []

    def _dead_letter(self, entry_id: str, fields: Mapping[bytes, bytes]) -> Command:
        told: dict[str, str | int] = {
            "id": entry_id,
            "service": self._names.service,
            "error": self._condemned[entry_id],
            "count": self._failures[entry_id],
        }
        flat: list[Argument] = [part for pair in told.items() for part in pair]
        flat += [part for pair in fields.items() for part in pair]
        return ("XADD", self._names.dead, "MAXLEN", "~", DEAD_KEPT, "*", *flat)


def entries_of(reply: Any) -> list[Entry]:
    """Return the entries in XREADGROUP's reply, as a script passes it on, for its one stream."""
    if not reply:
        return []
    return [(as_text(entry_id), None if flat is None else pairs(flat)) for entry_id, flat in reply[0][1]]
