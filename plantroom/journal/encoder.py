"""Many batches into entries in a few numpy calls: what polls bring is one row each, all good, and fits the form it fitted last time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plantroom.journal.record import _DECIMAL, _HEAD, _NARROW, _POWERS, _STAMPED, STORED, Entry, Kind, encode_batch, form_of
from plantroom.model import Batch

TRIED_ANEW = 256  # batches of a frame, after which a smaller form is looked for again


class Encoder:
    """Remembers for each frame which form fitted. Gives what `encode_batch` would, but that a frame keeps to its form for a while."""

    def __init__(self) -> None:
        self._forms: dict[bytes, tuple[int, int]] = {}  # frame id -> (form, batches until it is looked for anew)

    def __call__(self, batch: Batch) -> Entry:
        form, left = self._forms.get(batch.frame.id, (0, 0))
        entry = encode_batch(batch, form if left else None)
        self._forms[batch.frame.id] = form_of(entry.body), left - 1 if left else TRIED_ANEW
        return entry

    def many(self, batches: Sequence[Batch]) -> list[Entry]:
        """The batches' entries, in their order."""
        entries: list[Entry | None] = [None] * len(batches)
        alike: dict[int, list[int]] = {}
        for i, batch in enumerate(batches):
            form, left = self._forms.get(batch.frame.id, (0, 0))
            if left and form & _DECIMAL and _plain(batch):
                alike.setdefault(form, []).append(i)
            else:
                entries[i] = self(batch)
        for form, places in alike.items():
            for i, body in zip(places, _bodies([batches[i] for i in places], form), strict=True):
                batch = batches[i]
                if body is None:
                    entries[i] = self(batch)
                else:
                    self._forms[batch.frame.id] = form, self._forms[batch.frame.id][1] - 1
                    entries[i] = Entry(Kind.TELEMETRY, body, batch.frame)
        return [entry for entry in entries if entry is not None]


def _plain(batch: Batch) -> bool:
    """One row, all of it good, of the types that everything of ours has."""
    values, quality = batch.values, batch.quality
    points = len(batch.frame.points)
    if values.shape != (1, points) or quality.shape != (1, points) or batch.at_ns.shape != (1,):
        return False
    return values.dtype == np.float64 and batch.at_ns.dtype == np.int64 and not any(quality.tobytes())


def _bodies(batches: Sequence[Batch], form: int) -> list[bytes | None]:
    """Their bodies in this decimal form; None for one that does not fit it."""
    stored, power = STORED[form & (_DECIMAL | _NARROW)], _POWERS[form >> 4]
    ends = np.cumsum([batch.values.shape[1] for batch in batches])
    values = np.concatenate([batch.values[0] for batch in batches])
    with np.errstate(all="ignore"):  # what does not fit is found by its not coming back
        scaled = values * power
        np.rint(scaled, scaled)
        whole = scaled.astype(stored)
        back = whole.astype(np.float64)
        back /= power
    same = back.view(np.int64) == values.view(np.int64)
    fits = None if same.all() else np.logical_and.reduceat(same, np.concatenate(([0], ends[:-1])))
    data, width = whole.tobytes(), stored.itemsize
    bodies: list[bytes | None] = []
    start = 0
    for n, (batch, end) in enumerate(zip(batches, ends.tolist(), strict=True)):
        if fits is None or fits[n]:
            head = _HEAD.pack(2, form | _STAMPED if batch.stamped else form, 1, batch.frame.id)
            bodies.append(head + batch.at_ns.tobytes() + data[start * width : end * width])
        else:
            bodies.append(None)
        start = end
    return bodies
