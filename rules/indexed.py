"""Rows by id, found by what they are about too, so that where thousands stand open nothing looks at each of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
from typing import Generic, TypeVar

from rules.rows import born

Row = TypeVar("Row")


class Indexed(MutableMapping[str, Row], Generic[Row]):
    """keys: what a row is about. A row whose keys change is put again under its id; until then it is found by the old ones."""

    def __init__(self, keys: Callable[[Row], Iterable[Hashable]], rows: Iterable[tuple[str, Row]] = ()) -> None:
        self._keys = keys
        self._rows: dict[str, Row] = {}
        self._keys_of: dict[str, tuple[Hashable, ...]] = {}
        self._ids: dict[Hashable, set[str]] = {}
        self.update(rows)

    def about(self, *keys: Hashable) -> list[Row]:
        """The rows about any of these, in the order they came to be."""
        ids = set[str]().union(*(self._ids.get(key, ()) for key in keys))
        return [self._rows[id_] for id_ in sorted(ids, key=born)]

    def __setitem__(self, id_: str, row: Row) -> None:
        keys = tuple(dict.fromkeys(self._keys(row)))
        if self._keys_of.get(id_) != keys:
            self._take_out(id_)
            self._keys_of[id_] = keys
            for key in keys:
                self._ids.setdefault(key, set()).add(id_)
        self._rows[id_] = row

    def __delitem__(self, id_: str) -> None:
        del self._rows[id_]
        self._take_out(id_)

    def _take_out(self, id_: str) -> None:
        for key in self._keys_of.pop(id_, ()):
            ids = self._ids[key]
            ids.discard(id_)
            if not ids:
                del self._ids[key]

    def __getitem__(self, id_: str) -> Row:
        return self._rows[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
