"""The store of finished steps: content-addressed, atomic, checked, and never larger than it may be."""

from nadoo_core.store.entry import Entry
from nadoo_core.store.notes import Notes
from nadoo_core.store.pruning import Pruned
from nadoo_core.store.sources import code_digest, our_digest
from nadoo_core.store.store import Store, default_store

__all__ = ["Entry", "Notes", "Pruned", "Store", "code_digest", "default_store", "our_digest"]
