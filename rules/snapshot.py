"""What an evaluator remembers <-> bytes: named arrays under a hash of the layout they belong to. No code is ever read from them.

    "PRSN" | version u16 | header length u32 | header JSON {"layout": hash, "arrays": [[name, dtype, shape]]} | arrays | blake2b-16
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import orjson

MAGIC, VERSION = b"PRSN", 1
_HEAD = struct.Struct("<4sHI")
_SUM = 16


class BadSnapshot(ValueError):
    """The bytes are torn, of another version, or of other equipment, points, rules or parameters. Start from the journal instead."""


def dump(layout: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    named = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = orjson.dumps({"layout": layout, "arrays": named})
    parts = [_HEAD.pack(MAGIC, VERSION, len(header)), header, *(np.ascontiguousarray(array).tobytes() for array in arrays.values())]
    digest = blake2b(digest_size=_SUM)
    for part in parts:
        digest.update(part)
    return b"".join((*parts, digest.digest()))


def load(blob: bytes, layout: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Fills the arrays. layout: as given to `dump`, see `layout_hash`. Raises BadSnapshot, and then has changed none of them."""
    if len(blob) < _HEAD.size + _SUM or blake2b(blob[:-_SUM], digest_size=_SUM).digest() != blob[-_SUM:]:
        raise BadSnapshot("the snapshot is torn")
    magic, version, length = _HEAD.unpack_from(blob)
    if magic != MAGIC or version != VERSION:
        raise BadSnapshot(f"snapshot version {version}; this release reads {VERSION}")
    header = orjson.loads(blob[_HEAD.size : _HEAD.size + length])
    if header["layout"] != layout:
        raise BadSnapshot("the snapshot was taken with other equipment, points, rules or parameters")
    if header["arrays"] != [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]:
        raise BadSnapshot("the snapshot holds other arrays than this release remembers")
    at = _HEAD.size + length
    for array in arrays.values():
        array[...] = np.frombuffer(blob, array.dtype, array.size, at).reshape(array.shape)
        at += array.nbytes


def layout_hash(layout: object) -> str:
    return blake2b(orjson.dumps(layout, option=orjson.OPT_SORT_KEYS), digest_size=_SUM).hexdigest()
