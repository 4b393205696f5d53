"""Rows by id, found by what they are about too, so that where thousands stand open nobody looks at each of them, or sorts them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
from typing import Generic, TypeVar

from rules.rows import born

Row = TypeVar("Row")
Place = tuple[tuple[int, int], str]  # an id with when it came to be


class Indexed(MutableMapping[str, Row], Generic[Row]):
    """keys: what a row is about. A row whose keys change is put again under its id; until then it is found by the old ones.

    Of each key the ids are kept in the order they came to be: the next one is nearly always the youngest, so it costs an append.
    """

    def __init__(self, keys: Callable[[Row], Iterable[Hashable]], rows: Iterable[tuple[str, Row]] = ()) -> None:
        self._keys = keys
        self._rows: dict[str, Row] = {}
        self._keys_of: dict[str, tuple[Hashable, ...]] = {}
        self._places: dict[Hashable, list[Place]] = {}
        self.update(rows)

    def about(self, *keys: Hashable) -> list[Row]:
        """The rows about any of these, in the order they came to be."""
        found = [places for key in keys if (places := self._places.get(key))]
        places = found[0] if len(found) == 1 else sorted(set().union(*found))
        return [self._rows[id_] for _, id_ in places]

    def oldest(self, key: Hashable) -> Row | None:
        """The first of them."""
        places = self._places.get(key)
        return self._rows[places[0][1]] if places else None

    def __setitem__(self, id_: str, row: Row) -> None:
        keys = tuple(dict.fromkeys(self._keys(row)))
        if self._keys_of.get(id_) != keys:
            self._take_out(id_)
            self._keys_of[id_] = keys
            place = (born(id_), id_)
            for key in keys:
                insort(self._places.setdefault(key, []), place)
        self._rows[id_] = row

    def __delitem__(self, id_: str) -> None:
        del self._rows[id_]
        self._take_out(id_)

    def _take_out(self, id_: str) -> None:
        for key in self._keys_of.pop(id_, ()):
            places = self._places[key]
            del places[bisect_left(places, (born(id_), id_))]
            if not places:
                del self._places[key]

    def __getitem__(self, id_: str) -> Row:
        return self._rows[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
