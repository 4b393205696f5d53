"""A page as a browser understands it (lexbor: the HTML standard's own parsing), for what a text may and may not do to it."""

from __future__ import annotations

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

LEADS = frozenset(("href", "src", "action", "formaction", "xlink:href", "data", "poster", "content"))
PLACES = ("/", "#", "?", "data:image/", "https://", "http://", "tel:", "width=", "light ", "10; url=/", "0; url=/")


def _nodes(html: str) -> Iterator[LexborNode]:
    root = LexborHTMLParser(html).root
    assert root is not None
    yield from root.traverse(include_text=True)


def skeleton(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every element in order with the names of its attributes: what no text may change."""
    return [(str(node.tag), tuple(sorted(node.attributes))) for node in _nodes(html) if node.tag and node.tag[0].isalpha()]


def values(html: str) -> list[str]:
    """Every text and every attribute's value, as they are after decoding."""
    found = []
    for node in _nodes(html):
        if node.tag == "-text":
            found.append(node.text_content or "")
        elif node.tag and node.tag[0].isalpha():
            found += [value for value in node.attributes.values() if value]
    return found


def led_astray(html: str) -> list[str]:
    """Addresses that lead elsewhere than a page may, and what is no attribute of ours at all: handlers, styles."""
    found = []
    for node in _nodes(html):
        if not node.tag or not node.tag[0].isalpha():
            continue
        for name, value in node.attributes.items():
            if name.startswith("on") or name == "style" or (name in LEADS and value and not value.startswith(PLACES)):
                found.append(f"<{node.tag} {name}={value!r}>")
    return found
