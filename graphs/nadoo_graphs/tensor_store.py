"""The tensors beside the nodes: by name, with tied names, in the order of the state dict, undoable."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from nadoo_graphs.errors import Code, EditError, Problem
from nadoo_graphs.journal import Journal

if TYPE_CHECKING:
    from nadoo_graphs.tensors import TensorRecord


class TensorStore:
    """Tensors by name, tied ones held once."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._records: dict[str, TensorRecord] = {}
        self._aliases: dict[str, str] = {}
        self._order: list[str] = []

    @property
    def records(self) -> "Mapping[str, TensorRecord]":
        """All tensors by name, tied ones once."""
        return MappingProxyType(self._records)

    @property
    def aliases(self) -> Mapping[str, str]:
        """Further names, and the name under which each tensor is held."""
        return MappingProxyType(self._aliases)

    @property
    def order(self) -> tuple[str, ...]:
        """All names, tied ones included, in the order of the state dict."""
        return tuple(self._order)

    def holder(self, name: str) -> str:
        """The name under which a tensor is held, or a refusal that names what is near."""
        holder = self._aliases.get(name, name)
        if holder in self._records:
            return holder
        raise EditError(Problem(Code.NAME, f"tensor {name!r}", f"is not in the graph{nearest(name, self._order)}"))

    def record(self, name: str) -> "TensorRecord":
        """A tensor with its role."""
        return self._records[self.holder(name)]

    def refuse_taken(self, name: str, hint: str) -> None:
        """A new tensor needs a name that is free and that can be written down."""
        if not name or not name.isprintable():
            raise EditError(Problem(Code.NAME, f"tensor {name!r}", "a name has printable characters; choose another"))
        if name in self._records or name in self._aliases:
            raise EditError(Problem(Code.NAME, f"tensor {name!r}", f"exists already; {hint}"))

    def put(self, name: str, record: "TensorRecord") -> None:
        """Add a tensor, or replace the one of this name."""
        before = self._records.get(name)
        self._records[name] = record
        if before is None:
            self._order.append(name)
            self.journal.record(lambda: self.drop(name))
            return
        self.journal.record(lambda: self.put(name, before))

    def drop(self, name: str) -> None:
        """Remove a tensor and its tied names."""
        before = (dict(self._records), dict(self._aliases), list(self._order))
        del self._records[name]
        self._aliases = {alias: holder for alias, holder in self._aliases.items() if holder != name}
        self._order = [item for item in self._order if item in self._records or item in self._aliases]
        self.journal.record(lambda: self._restore(*before))

    def tie(self, alias: str, name: str) -> None:
        """Give a tensor a further name."""
        self._aliases[alias] = self.holder(name)
        self._order.append(alias)
        self.journal.record(lambda: self._untie(alias))

    def twin(self, journal: Journal) -> "TensorStore":
        """A store of its own that shares the tensors, which nobody writes."""
        other = TensorStore(journal)
        other._restore(dict(self._records), dict(self._aliases), list(self._order))
        return other

    def _untie(self, alias: str) -> None:
        del self._aliases[alias]
        self._order.remove(alias)

    def _restore(self, records: "dict[str, TensorRecord]", aliases: dict[str, str], order: list[str]) -> None:
        self._records, self._aliases, self._order = records, aliases, order


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not there."""
    near = get_close_matches(name, list(names), 3)
    found = " or ".join(map(repr, near))
    return f"; did you mean {found}?" if near else "; graph.nodes() and graph.tensors list all"
