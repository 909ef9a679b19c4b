"""The laws that every pass obeys: each is called with a pass, a graph and a context, and gives None or the breach."""

from nadoo_core.testing.laws.law import Law, LawBroken, applied
from nadoo_core.testing.laws.table import LAWS

__all__ = ["LAWS", "Law", "LawBroken", "applied"]
