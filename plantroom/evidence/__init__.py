"""Evidence: files for an order, a task or a machine, by the hash of their content. docs/evidence.md."""

from plantroom.evidence.content import KINDS, Kind, NotTaken
from plantroom.evidence.store import EvidenceStore, Limits, Stored, is_hash

__all__ = ["KINDS", "EvidenceStore", "Kind", "Limits", "NotTaken", "Stored", "is_hash"]
