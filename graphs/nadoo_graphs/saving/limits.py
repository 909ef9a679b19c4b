"""How large a saved graph may be before it is refused unread, so that a crafted file cannot exhaust a machine."""

from attrs import frozen

from nadoo_graphs.errors import Code, LoadError, Problem

KIB = 1024
GIB = KIB**3


@frozen(kw_only=True)
class Limits:
    """Bounds of a load; give larger ones for a model that honestly needs them."""

    document_bytes: int = GIB // 4
    header_bytes: int = GIB // 16
    data_bytes: int = 16 * GIB
    nodes: int = 1_000_000
    tensors: int = 1_000_000

    def require(self, name: str, value: int, where: str) -> None:
        """Refuse a value above the limit of that name."""
        allowed: int = getattr(self, name)
        if value > allowed:
            noun = name.replace("_", " ")
            message = (
                f"has {value} {noun}, at most {allowed} are read; give load(limits=Limits({name}=…)) if it is yours"
            )
            raise LoadError(Problem(Code.LIMIT, where, message))
