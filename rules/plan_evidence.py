"""The seam to the store of evidence: whether a file of this content is there.

The engine may only ask what is a function of the journal, or a rebuild would judge otherwise: once files are kept, a record says that one
came, and that is what is looked up here. Until then a well-formed hash is taken; what it names is not looked at.
"""

from __future__ import annotations

from rules.desk import Desk


def has_evidence(desk: Desk, file: str) -> bool:
    """file: sha-256 of its content, 64 hexadecimal digits."""
    return len(file) == 64
