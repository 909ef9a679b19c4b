"""What a formula refuses, and what it warns of."""

from nadoo_graphs.errors import GraphError


class FormulaError(GraphError):
    """A parameter of a formula lies outside what its law is stated for; every bad parameter is named at once."""


class IgnoredRemainderWarning(UserWarning):
    """Elements at the end of a vector belong to no full chunk, so that they take no part in the selection."""
