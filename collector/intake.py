"""What the messages of a connection become: batches, counts, who has spoken, who has not, who speaks too much. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from collector.duplicates import Redelivery
from collector.flood import Begun, Floods
from collector.mqtt_packets import Publish
from collector.publishers import Publisher, directory_of
from collector.silence import Silence
from collector.topics import Taken, Taker
from plantroom.clock import NS, Reading, iso
from plantroom.model import Batch

MOST_SHOWN = 200  # characters of a topic in a log line
log = structlog.get_logger()


class Intake:
    """counts: messages, and whatever went wrong with some, by what it was. last_seen: device -> wall_ns of the message it last spoke in."""

    def __init__(self, connection: str, publishers: Sequence[Publisher], max_payload: int, device_rate: float, now_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self.last_seen: dict[str, int] = {}
        self.directory = directory_of(publishers)
        self.redelivery = Redelivery()
        self._connection, self._max_payload = connection, max_payload
        self._publishers = {p.device: p for p in publishers}
        self._silence = Silence({p.device: p.heartbeat_s for p in publishers}, now_s)
        self._floods = Floods(device_rate)
        self._quiet: set[str] = set()  # silent, and said to be

    def take(self, message: Publish, at: Reading) -> list[Batch]:
        """A message that came before, of no device, or one too many has nothing for us: a drop, counted by its reason."""
        self.counts["messages"] += 1
        if message.qos and self.redelivery.repeated(message.mid, message.topic, message.payload or b"", dup=message.dup):
            self.counts["delivered again"] += 1
            return []
        takers = self.directory.find(message.topic)
        if not takers:
            topic = message.topic.decode("utf-8", "replace")[:MOST_SHOWN]
            if self.directory.strangers.get(message.topic) == 1:
                why = "no device of the site file has this topic"
                log.warning("mqtt.unknown_device", connection=self._connection, topic=topic, why=why)
            self.counts["no device has this topic"] += 1
            return []
        batches: list[Batch] = []
        now_s = at.boot_ns / NS
        for taker in takers:
            if not self._floods.admits(taker.device, now_s):
                self.counts["too many messages"] += 1
                continue
            if message.payload is None or len(message.payload) > self._max_payload:
                why = f"payload too large: {message.size} bytes, more than max_payload {self._max_payload}"
                taken = taker.refuse(message.topic, at, why)
            else:
                taken = self._taken(taker, message.topic, message.payload, at, retained=message.retained)
            batches += taken.batches
            if taken.faults or taken.missing:
                self._note(taken)
            for device in taken.heard:
                self._silence.heard(device, now_s)
                self._quiet.discard(device)
                self.last_seen[device] = at.wall_ns
        return batches

    def silent(self, at: Reading) -> list[Batch]:
        """The devices that should have spoken by now, all their points without an answer."""
        overdue = self._silence.overdue(at.boot_ns / NS)
        self.counts["silent"] += len(overdue)
        for device in overdue:
            if device not in self._quiet:
                seen = self.last_seen.get(device)
                last = "never" if seen is None else iso(seen)
                log.warning("mqtt.device_silent", connection=self._connection, device=device, last_seen=last)
        self._quiet.update(overdue)
        return [self._publishers[device].silent(at.wall_ns) for device in overdue]

    def next_silence_s(self) -> float:
        return self._silence.next_s()

    def floods(self, at: Reading) -> list[dict[str, object]]:
        """The events of floods that began or ended since the last call: what was dropped is a declared gap."""
        events: list[dict[str, object]] = []
        for news in self._floods.news(at.boot_ns / NS):
            where = {"connection": self._connection, "device": news.device}
            if isinstance(news, Begun):
                why = "sends more than device_rate; what is too much is dropped"
                events.append({"event": "device_flood", **where, "why": why})
            else:
                since, until = (iso(at.wall_ns - round((at.boot_ns / NS - s) * NS)) for s in (news.since_s, news.until_s))
                events.append({"event": "device_flood_over", **where, "dropped": news.dropped, "since": since, "until": until})
        return events

    def _taken(self, taker: Taker, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken:
        """A mistake of ours in reading one payload makes that device's points bad; the message would else come again and end us again."""
        try:
            return taker.take(topic, payload, at, retained=retained)
        except Exception as error:
            shown = topic.decode("utf-8", "replace")[:MOST_SHOWN]
            log.exception("mqtt.defect", connection=self._connection, device=taker.device, topic=shown)
            return taker.refuse(topic, at, f"defect of Plantroom: {error!r:.200}; please report it with the message")

    def _note(self, taken: Taken) -> None:
        for device, fault in taken.faults:
            self._count(fault, device)
        if taken.missing:
            self.counts["missing messages"] += taken.missing

    def _count(self, fault: str, device: str) -> None:
        kind = fault.split(":")[0]
        self.counts[kind] += 1
        times = self.counts[kind]
        if times & (times - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a line per run, not per message
            log.warning("mqtt.trouble", connection=self._connection, device=device, why=fault, times=times)
