"""The label on a machine: a QR code that leads to its page, and a mark in it by which an arrival entered there is known as such.

The mark is no secret to who stands before the machine; it keeps somebody far away, who knows the machine's id, from being there. A
photograph of the label defeats it: it says how an arrival is known, it proves none.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import quote, urlencode

import segno

LENGTH = 12  # hexadecimal digits of the mark
KEY = "labels"  # its name in access.db


def mark(key: bytes, site: str, equipment: str) -> str:
    return hmac.new(key, f"{site}\0{equipment}".encode(), sha256).hexdigest()[:LENGTH]


def is_mark(key: bytes, site: str, equipment: str, given: object) -> bool:
    return isinstance(given, str) and hmac.compare_digest(mark(key, site, equipment).encode(), given.encode())


def address(public_url: str, site: str, equipment: str, at: str) -> str:
    """What the code says. It names the site, so that it stays good when a second one comes."""
    return f"{public_url.rstrip('/')}/equipment/{quote(equipment)}?{urlencode({'site': site, 'at': at})}"


def svg(text: str) -> str:
    """The code as an inline SVG without a style of its own. A quarter of it may be dirty or torn."""
    code = segno.make(text, error="q", micro=False, boost_error=False)
    return code.svg_inline(omitsize=True, light="#fff", svgclass="code", lineclass=None)
