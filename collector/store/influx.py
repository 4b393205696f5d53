"""The follower into InfluxDB: from its own position in the journal, which moves only when the store has everything up to it.

Off for hours it waits, holding one read of the journal in memory, and then fills up at full speed. Nothing in alerting reads InfluxDB and
nothing here stops the embedded store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from collector.store.deliver import Delivery, Pause, Refusal
from collector.store.gather import Gathered
from collector.store.health import Doctor, Health
from collector.store.influx_http import Endpoint
from collector.store.ledger import Count, DeadLetter, Ledger, added
from collector.store.lines import LineEncoder, samples_in
from collector.store.news import News
from plantroom.clock import NS, Clock
from plantroom.journal import Follower, Journal, Record

AT_ONCE = 2_000  # records per read: what is held while the store is away
MOST_LINES = 5_000  # in one request
MOST_BYTES = 4 << 20  # in one request, before gzip
LINGER_S = 1.0  # live data is sent about once a second, not once a commit
LETTERS_RUN_S = 600.0  # so long without a dead letter, and the matter is over
MARK_S = 1.0

log = structlog.get_logger()


class InfluxStore:
    """One site's way into one database."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        journal: Journal,
        ledger: Ledger,
        clock: Clock,
        site: str,
        kinds: Mapping[str, str],
        *,
        where: str = "",
        pause: Pause = asyncio.sleep,
    ) -> None:
        """name: of this follower, one per database. ledger: a connection of its own, which `close` closes too. kinds: equipment -> kind.

        where: for people.
        """
        self.name, self._where = name, where
        self._journal, self._ledger, self._clock = journal, ledger, clock
        self._reader = journal.reader()
        self._encoder = LineEncoder(site, kinds)
        self._news = News(journal)
        self._doctor = Doctor(Health(ledger.health(name)))
        self._letters = f"{name}.letters"
        self._letters_told = ledger.health(self._letters) != "well"
        self._last_letter_s = self._now_s()
        self._delivery = Delivery(endpoint, self._doctor, self._now_s, self._tell, pause)
        self.position = ledger.position(name)
        self._marked_s = 0.0

    def close(self) -> None:
        self._reader.close()
        self._ledger.close()

    async def run(self, linger_s: float = LINGER_S) -> None:
        """Follows for ever."""
        async for records in Follower(self._journal, self.position, AT_ONCE):
            await self.take(records)
            if len(records) < AT_ONCE:
                await asyncio.sleep(linger_s)

    async def take(self, records: Sequence[Record]) -> None:
        """Returns when these records are in the store, or what it refused of them among the dead letters, and the position is moved."""
        gathered = Gathered(self._reader, self.position)
        gathered.take(records)
        counts: dict[str, Count] = {}
        letters = [DeadLetter(f"record {seq}", why, 0, seq) for seq, why in gathered.unreadable]
        texts: list[bytes] = []
        for columns in gathered.columns():
            encoded = self._encoder.encode(columns)
            counts = added(counts, encoded.counts)
            texts.append(encoded.text)
            for equipment, samples in encoded.unknown.items():
                letters.append(DeadLetter(equipment, "no applied site file names this equipment", samples, gathered.last))
        for body in bodies(texts):
            for refusal in await self._delivery.deliver(body):
                letter, lost = dead(refusal, gathered.last)
                letters.append(letter)
                counts = added(counts, lost)
        self._ledger.advance(self.name, gathered.last, counts, letters, gathered.gaps + [(seq, seq) for seq, _ in gathered.unreadable])
        self.position = gathered.last
        await self._about_letters(letters)
        if self._now_s() - self._marked_s >= MARK_S:
            self._marked_s = self._now_s()
            self._journal.positions.mark(self.name, self.position)

    async def _about_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Told once for a run of dead letters, and once when it is over."""
        now_s = self._now_s()
        if letters:
            self._last_letter_s = now_s
            if not self._letters_told:
                samples = sum(one.samples for one in letters)
                await self._append("dead_letter", samples=samples, line=letters[0].line[:200], why=letters[0].reason)
                self._letters_told = True
                self._ledger.set_health(self._letters, "told")
        elif self._letters_told and now_s - self._last_letter_s >= LETTERS_RUN_S:
            await self._append("dead_letter_over", why="no line refused for ten minutes")
            self._letters_told = False
            self._ledger.set_health(self._letters, "well")

    async def _tell(self, event: str, why: str) -> None:
        await self._append(event, why=why)
        self._ledger.set_health(self.name, self._doctor.health)

    async def _append(self, event: str, **fields: object) -> None:
        await asyncio.to_thread(self._news.tell, event, store="influxdb", where=self._where, **fields)

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS


def bodies(texts: Sequence[bytes]) -> list[list[bytes]]:
    """Lines, without their newlines, in requests of at most MOST_LINES and about MOST_BYTES."""
    lines = b"".join(texts).split(b"\n")[:-1]
    found: list[list[bytes]] = []
    size = MOST_BYTES
    for line in lines:
        if size >= MOST_BYTES or len(found[-1]) >= MOST_LINES:
            found.append([])
            size = 0
        found[-1].append(line)
        size += len(line) + 1
    return found


def dead(refusal: Refusal, seq: int) -> tuple[DeadLetter, dict[str, Count]]:
    """The letter, and what it takes from the day's stored samples."""
    day, samples = samples_in(refusal.line)
    letter = DeadLetter(refusal.line.decode(errors="replace"), refusal.text, samples, seq)
    return letter, {day: Count(0, -samples, 0, 0, 0, samples)}
