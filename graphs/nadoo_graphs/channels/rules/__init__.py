"""The channel rules of the operators that come with nadoo, by family."""

from nadoo_graphs.channels.rules.table import rule_of

__all__ = ["rule_of"]
