"""What a Modbus device bears and what tells it: `bus` and `identity` of a profile."""

from __future__ import annotations

from dataclasses import replace

from plantroom import yaml_file as y
from plantroom.profile_registers import Dialect
from plantroom.profiles import CELLS, BusLimits, Identity, Table


def limits_of(f: y.Fields, dialect: Dialect) -> BusLimits:
    """`bus:` of a profile."""
    barred: set[tuple[Table, int]] = set()
    page = f.may("page", y.integer(16, CELLS), CELLS)
    for word, node in y.mapping(f.child("barred"), "bus.barred", f.paper).items.items():
        if word not in set(Table):
            f.paper.wrong(node.line, f"bus.barred.{word}", f"{word!r} is no table{y.nearest(word, Table)}")
            continue
        for item in y.entries(node, f"bus.barred.{word}", f.paper):
            try:
                barred.update((Table(word), address - dialect.base) for address in _barred(item, dialect, page))
            except y.Wrong as error:
                f.paper.wrong(item.line, f"bus.barred.{word}", str(error))
    limits = BusLimits(
        f.may("max_registers", y.integer(1, 125, "a Modbus answer holds at most 125 registers"), 125),
        f.may("max_bits", y.integer(1, 2000, "a Modbus answer holds at most 2000 bits"), 2000),
        f.may("max_hole", y.integer(0, 124), 8),
        frozenset(barred),
        f.may("gap", y.duration, 0.0),
        f.may("timeout", y.duration, 1.0),
        page,
        1.0 / most if (most := f.may("max_requests_per_s", y.rate, 0.0)) else 0.0,
        f.may("concurrent", y.integer(1, 16, "a gateway answers a few units at once, if any"), 1),
        f.may("identify", y.flag, False),
    )
    f.done()
    return limits


def _barred(node: y.Node, dialect: Dialect, page: int) -> range:
    """`77`, `360..362`: addresses as written. Raises Wrong."""
    word = node.value if isinstance(node, y.Scalar) else None
    ends = word.split("..") if isinstance(word, str) and ".." in word else None
    read = replace(dialect, page=page % CELLS).address
    if ends is None:
        return range(first := read(node), first + 1)
    low, high = (read(y.Scalar(node.line, y.plain_value(end))) for end in ends)
    if high < low:
        raise y.Wrong(f"{word} runs backwards; write the lower one first", node)
    return range(low, high + 1)


def identity_of(node: y.Node, dialect: Dialect, paper: y.Paper) -> Identity | None:
    """`{table, address, registers, text}` or `{table, address, registers, values: [1]}`."""
    f = y.Fields(node, "identity", paper)
    table = f.need("table", y.one_of((Table.HOLDING, Table.INPUT), "a table of registers"))
    address, count = f.need("address", dialect.address), f.may("registers", y.integer(1, 125), 1)
    text = f.may("text", y.text, "")
    values = _integers(f, "values", 2 ** (16 * count) - 1)
    f.done()
    if bool(text) == bool(values):
        f.wrong("text", "needs exactly one of text (what its letters begin with) and values (its numbers)")
    if not text.isascii() or len(text) > 2 * count:
        f.wrong("text", f"{text!r} does not fit into {count} registers of two ASCII letters")
    if table is None or address is None:
        return None
    return Identity(Table(table), address - dialect.base, count, text, frozenset(values))


def _integers(f: y.Fields, key: str, most: int) -> list[int]:
    numbers: list[int] = []
    for node in y.entries(f.child(key), f.path(key), f.paper):
        try:
            numbers.append(y.integer(0, most)(node))
        except y.Wrong as error:
            f.paper.wrong(node.line, f.path(key), str(error))
    return numbers
