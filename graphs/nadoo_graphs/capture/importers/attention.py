"""Which ATen overload is attention."""

from nadoo_graphs.capture.importers.direct import attribute, is_tensorial
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer
from nadoo_graphs.node import Attribute


def attention(call: AtenCall) -> Imported | None:
    """Queries, keys, values and a mask; the probability of dropout is the captured one."""
    operands, mask = call.values("query", "key", "value"), call["attn_mask"]
    if operands is None:
        return None
    attributes: dict[str, Attribute] = {
        "dropout": attribute(call["dropout_p"]),
        "causal": attribute(call["is_causal"]),
        "scale": attribute(call["scale"]),
        "gqa": attribute(call["enable_gqa"]),
    }
    return Imported("sdpa", (*operands, mask) if is_tensorial(mask) else operands, attributes=attributes)


IMPORTERS: dict[str, Importer] = {"aten.scaled_dot_product_attention.default": attention}
