"""Which ATen overloads compare, and which combine truth values and bits."""

from nadoo_graphs.capture.importers.direct import direct
from nadoo_graphs.capture.importers.elementwise import BINARY, UNARY
from nadoo_graphs.capture.importers.importer import Importer

WITH_NUMBERS = ("eq", "ne", "lt", "le", "gt", "ge", "bitwise_and", "bitwise_or", "bitwise_xor")
BINARY_LOGIC = ("logical_and", "logical_or", "logical_xor")
UNARY_LOGIC = ("logical_not", "bitwise_not", "isnan", "isinf", "isfinite")
SIGNS = {"__and__": "bitwise_and", "__or__": "bitwise_or", "__xor__": "bitwise_xor"}

IMPORTERS: dict[str, Importer] = {
    **{f"aten.{name}.Tensor": direct(name, BINARY) for name in WITH_NUMBERS},
    **{f"aten.{name}.Scalar": direct(name, UNARY, ("other",)) for name in WITH_NUMBERS},
    **{f"aten.{sign}.Tensor": direct(name, BINARY) for sign, name in SIGNS.items()},
    **{f"aten.{sign}.Scalar": direct(name, UNARY, ("other",)) for sign, name in SIGNS.items()},
    **{f"aten.{name}.default": direct(name, BINARY) for name in BINARY_LOGIC},
    **{f"aten.{name}.default": direct(name, UNARY) for name in UNARY_LOGIC},
}
