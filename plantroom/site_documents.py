"""What one needs at a machine: the way to it, the key, and `documents:`, where its papers are.

    documents:
      - {name: 柴油发电机应急操作规程, at: "https://docs.example.com/gen-1.pdf", version: 3, of: procedure}
      - {name: 一次系统图, at: 值班室资料柜2层, of: drawing}
"""

from __future__ import annotations

from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.site import DOCUMENTS_OF, Document

LONGEST = 200
LONGEST_ADDRESS = 1_000
MOST = 50


def fact(node: y.Node) -> str:
    """A few words, or a number as it is written on a plate."""
    number = isinstance(node, y.Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool)
    words = str(node.value) if number and isinstance(node, y.Scalar) else y.text(node)
    if len(words) > LONGEST:
        raise y.Wrong(f"is longer than {LONGEST} characters; somebody reads it in a hurry", node)
    return words


def read_documents(f: y.Fields) -> tuple[Document, ...]:
    """In the order of the file. A name stands once at a machine: people ask for it by that."""
    nodes = y.entries(f.child("documents"), f.path("documents"), f.paper)
    if len(nodes) > MOST:
        f.wrong("documents", f"are more than {MOST}; name the folder in which they are")
    found: dict[str, Document] = {}
    for index, node in enumerate(nodes[:MOST]):
        one = y.Fields(node, f"{f.path('documents')}[{index}]", f.paper)
        name, at, of = one.need("name", fact), one.need("at", _place), one.need("of", y.one_of(DOCUMENTS_OF, "a sort of document"))
        version = one.may("version", _version, "")
        one.done()
        if name is not None and name in found:
            one.wrong("name", f"{name!r} stands twice")
        elif name is not None and at is not None and of is not None:
            found[name] = Document(name, at, str(of), version)
    return tuple(found.values())


def _place(node: y.Node) -> str:
    """An address that a tap opens, or where the paper lies. Nothing between: `file:` and the like open on nobody's phone."""
    where = y.text(node)
    if "://" in where or where.lower().startswith(("javascript:", "data:", "file:", "mailto:")):
        where = parts.url(node)
    if len(where) > LONGEST_ADDRESS:
        raise y.Wrong(f"is longer than {LONGEST_ADDRESS} characters", node)
    return where


def _version(node: y.Node) -> str:
    if isinstance(node, y.Scalar) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return f"{node.value:g}" if isinstance(node.value, float) else str(node.value)
    return fact(node)
