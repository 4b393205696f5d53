"""A record that raises is taken back, written down and passed over: one bad record never stops a site's alerting.

The way of the records is first tried at full speed. Where something raises, the engine goes back to its last mark (memory) and commit
(rows), and takes the records since then again: in pieces, and the piece that raises part by part. A part is what can be lost alone: one
row's step of one machine, one machine's tick, one clock, one command. A part that raises is undone and noted; the others go on. As parts
do not depend on how records were grouped, live, rebuild and rehearsal skip the same and write the same.

What the disk, SQLite or the memory refuse is not a record's fault: it ends the process, and the supervisor starts it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import apsw
import numpy as np
import structlog

from plantroom.errors import JournalFailed
from plantroom.journal.record import Kind, Record
from rules import skipped
from rules.evaluate import KindEvaluator
from rules.ledger import Position
from rules.rollback import Indexes, Mark, Saved
from rules.skipped import Part

if TYPE_CHECKING:
    from rules.engine import Engine

PIECE = 64  # records; more where there are more than 16 pieces of them
MOST_TRIES = 64  # of a tick by halves; then the rest of the kind's machines is passed over
# A mark is made anew when what would have to be taken again has grown to this.
MOST_TICKS = 60
LEAST_BYTES, MARK_SHARE = 1 << 18, 8  # of records; or an eighth of what a mark copies

VALUES_FAULT = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError)  # a value that fits no row
MACHINES_FAULT = (OSError, MemoryError, JournalFailed, apsw.Error)

log = structlog.get_logger()


def of_a_record(error: BaseException) -> bool:
    """Would the same record raise this on any machine, or does this machine refuse?"""
    return isinstance(error, VALUES_FAULT) or (isinstance(error, Exception) and not isinstance(error, MACHINES_FAULT))


class Quarantine:
    """One per engine. careful: parts are tried one by one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.careful = False
        self._mark: Mark | None = None
        self._since: list[Record] = []
        self._bytes = self._ticks = 0

    # -- the way of the records

    def take(self, records: Sequence[Record]) -> bool:
        """Applies records the engine has not seen; True where the position moved."""
        engine = self._engine
        if self._mark is None:
            self._renew()
        try:
            engine.run(records)
            committed = engine.commit()
        except Exception as error:
            if not of_a_record(error):
                raise
            log.warning("engine.goes_back", to=self._mark and self._mark.seen and self._mark.seen.seq, error=skipped.words(error))
            self._again([*self._since, *records])
            return True
        self._note(records)
        return committed

    def begin(self) -> None:
        """The engine's memory was changed from outside; what was before is no place to go back to."""
        self._mark = None
        self._since, self._bytes, self._ticks = [], 0, 0

    def _note(self, records: Sequence[Record]) -> None:
        """Marks may stand only where everything is committed: rows and memory go back to one instant."""
        self._since += records
        self._bytes += sum(len(record.body) for record in records)
        self._ticks += sum(record.kind is Kind.TICK for record in records)
        seen, mark = self._engine.seen, self._mark
        if seen is None or mark is None or seen.seq > self._engine.muted_to:
            return
        if self._ticks >= MOST_TICKS or self._bytes >= max(LEAST_BYTES, mark.bytes // MARK_SHARE):
            self._renew()

    def _renew(self) -> None:
        self.begin()
        self._mark = Mark(self._engine)

    def _again(self, records: Sequence[Record]) -> None:
        """From the mark on, in one transaction: pieces that raise part by part, the others at full speed."""
        engine, desk = self._engine, self._engine.desk
        assert self._mark is not None
        self._mark.put_back()
        desk.undo({})
        size = max(PIECE, len(records) // 16)
        with desk.committing(self._stands):
            for at in range(0, len(records), size):
                piece = records[at : at + size]
                mark, kept = Mark(engine), desk.kept()
                try:
                    engine.run(piece)
                    desk.flush()
                except Exception as error:
                    if not of_a_record(error):
                        raise
                    mark.put_back()
                    desk.undo(kept)
                    self._carefully(piece)
        self._renew()

    def _stands(self) -> Position:
        """Where the position is to stand: never behind where it stood."""
        seen, before = self._engine.seen, self._engine.desk.position
        assert seen is not None
        return before if before is not None and before.seq > seen.seq else seen

    def _carefully(self, records: Sequence[Record]) -> None:
        self.careful = True
        try:
            self._engine.run(records)
            self._engine.desk.flush()
        finally:
            self.careful = False

    # -- parts

    def whole(self, record: Record, part: Part, do: Callable[[], None]) -> None:
        """A part that may touch all of the engine's memory."""
        if not self.careful:
            do()
            return
        mark = Mark(self._engine)
        self._begin(record)
        if (error := self._tried(do, mark.put_back)) is not None:
            self._skip(record, part, error)

    def rows_only(self, record: Record, part: Part, do: Callable[[], None]) -> None:
        """A part that touches nothing but the desk."""
        if not self.careful:
            do()
            return
        self._begin(record)
        if (error := self._tried(do, _nothing)) is not None:
            self._skip(record, part, error)

    def machine(self, record: Record, part: Part, evaluator: KindEvaluator, row: int, do: Callable[[], None]) -> None:
        """A step of one machine; only asked for in `careful`."""
        saved = Saved(evaluator, np.array([row]))
        if (error := self._tried(do, saved.put_back)) is not None:
            self._skip(record, _about(part, evaluator, [row]), error)

    def machines(self, record: Record, part: Part, evaluator: KindEvaluator, do: Callable[[Indexes | None], None]) -> None:
        """A part that all machines of a kind take together (None) or some apart: by halves, until those that raise are found."""
        if not self.careful:
            do(None)
            return
        tries = 0
        waiting: list[Indexes] = [np.arange(len(evaluator.rows))]
        while waiting:
            rows = waiting.pop()
            tries += 1
            saved = Saved(evaluator, rows)
            error = self._tried(lambda rows=rows: do(rows), saved.put_back)  # type: ignore[misc]
            if error is not None and rows.size > 1 and tries < MOST_TRIES:
                waiting += [rows[rows.size // 2 :], rows[: rows.size // 2]]
            elif error is not None:
                self._skip(record, _about(part, evaluator, rows.tolist()), error)

    def _begin(self, record: Record) -> None:
        """Tells the desk that its rows may be touched from here on."""
        if record.seq > self._engine.muted_to:
            self._engine.desk.begin(record.seq, record.at.wall_ns)

    def _tried(self, do: Callable[[], None], back: Callable[[], None]) -> Exception | None:
        """What it raised; nothing of it stands then."""
        desk = self._engine.desk
        kept = desk.kept()
        try:
            do()
            desk.flush()
        except Exception as error:
            if not of_a_record(error):
                raise
            back()
            desk.undo(kept)
            return error
        return None

    def _skip(self, record: Record, part: Part, error: Exception) -> None:
        live = record.seq > self._engine.muted_to
        log.error(
            "record.skipped", seq=record.seq, record=record.kind.name.lower(), does=part.does, kind=part.kind, equipment=part.equipment,
            error=skipped.words(error), place=skipped.place(error), live=live,
        )  # fmt: skip
        if not live:
            return
        for tell in self._ways(record, part, error):
            self._begin(record)
            if (other := self._tried(tell, _nothing)) is not None:
                log.error("record.skipped_untold", seq=record.seq, error=skipped.words(other), place=skipped.place(other))

    def _ways(self, record: Record, part: Part, error: Exception) -> Iterator[Callable[[], None]]:
        """The row and the page each for itself: where the page raises too, the row stands."""
        desk, house = self._engine.desk, self._engine.house
        yield lambda: skipped.note(desk, record, part, error)
        if house is not None:
            yield lambda: skipped.raise_fault(desk, house, part)


def _about(part: Part, evaluator: KindEvaluator, rows: Sequence[int]) -> Part:
    only = evaluator.equipment[rows[0]].id if len(rows) == 1 else ""
    return Part(part.does, evaluator.kind.name, only)


def _nothing() -> None:
    """Nothing but the desk was touched."""
