"""What one turn of a job brings: its reads' answers in order, those once more in which a safety point changed, at last samples. Pure."""

from __future__ import annotations

from collector.bindings import Job
from collector.confirm import First
from collector.poll_plan import Read
from plantroom.clock import Reading, whole_ms
from plantroom.model import Batch, Qualities, Quality, Values, all_bad, one_row


class Harvest:
    """task: the job's index on its line. patience_s: how long to wait for each answer. latency_s: the longest answer so far."""

    __slots__ = ("_again", "_failed", "_first", "_parts", "job", "latency_s", "patience_s", "task")

    def __init__(self, task: int, job: Job, patience_s: float) -> None:
        self.task, self.job, self.patience_s = task, job, patience_s
        self.latency_s = 0.0
        self._parts: list[bytes] = []
        self._failed: dict[int, Quality] = {}
        self._first: First | None = None
        self._again: list[int] = []  # reads of the repetition still to come

    @property
    def read(self) -> Read:
        """What to ask for next."""
        if self._first is not None:
            return self.job.reads[self._again[0]]
        return self.job.reads[len(self._parts) if self._parts else 0]

    @property
    def whole(self) -> bool:
        return len(self._parts) == len(self.job.reads) if self._first is None else not self._again

    @property
    def repeating(self) -> bool:
        return self._first is not None

    @property
    def first_at(self) -> Reading:
        """When the reading that is repeated was first made."""
        assert self._first is not None, "only asked of one that is repeated"
        return self._first.at

    def take(self, data: bytes) -> None:
        """The answer to `read`: as many data bytes as it asks for."""
        if self._first is None:
            self._parts.append(data)
        else:
            self._parts[self._again.pop(0)] = data

    def refuse(self) -> None:
        """An exception to a `read` of the first reading."""
        self._failed[len(self._parts)] = Quality.EXCEPTION
        self._parts.append(bytes(self.read.reply_bytes))

    def samples(self, at: Reading) -> Batch | None:
        """Once it is whole. None where a safety point changed: `read` then says what to ask once more, before it is whole again."""
        job = self.job
        if len(self._failed) == len(self._parts):
            return bad_samples(job, at, Quality.EXCEPTION)
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        values, quality = job.decoder.decode(data, self._failed)
        if job.confirm is not None:
            if self._first is not None:
                quality = job.confirm.settle(self._first, values, quality)
            elif (changed := job.confirm.changed(values, quality)) is not None:
                self._first = First(at, values, quality, changed)
                self._again = [i for i in job.decoder.reads_of(changed) if i not in self._failed]
                return None
        return self._batch(at, values, quality)

    def doubtful(self) -> Batch:
        """The repetition failed: the first reading, of its own instant, with what had changed `unconfirmed`."""
        assert self._first is not None and self.job.confirm is not None, "only a reading that is repeated is in doubt"
        return self._batch(self._first.at, self._first.values, self.job.confirm.unsettled(self._first))

    def _batch(self, at: Reading, values: Values, quality: Qualities) -> Batch:
        if self.job.debounce is not None:
            self.job.debounce.apply(at.boot_ns, values, quality)
        return one_row(self.job.frame, whole_ms(at.wall_ns), values, quality)


def bad_samples(job: Job, at: Reading, quality: Quality) -> Batch:
    """A job that brought nothing."""
    if job.debounce is not None:
        job.debounce.interrupt()
    return all_bad(job.frame, whole_ms(at.wall_ns), quality)
