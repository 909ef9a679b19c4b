"""The type of a value that flows along an edge, and the reference that names such a value."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from attrs import frozen

from nadoo_graphs.sizes import Shape, Size, Symbolic, as_size, bind, size_product, substitute

ELEMENT_BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8,
    "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
FLOATING = ("bfloat16", "float16", "float32", "float64")
INTEGRAL = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")


@lru_cache(maxsize=4096)
def element_count(shape: Shape) -> Size:
    """How many numbers a shape holds; a network has few shapes, and every count of its work asks for them."""
    return size_product(shape)


@frozen
class ValueType:
    """Shape, dtype and number format of a value; without a format it is held exactly as its dtype says."""

    shape: Shape
    dtype: str
    format: str | None = None

    @property
    def elements(self) -> Size:
        """How many numbers the value holds."""
        return element_count(self.shape)

    @property
    def rank(self) -> int:
        """How many axes the value has."""
        return len(self.shape)

    @property
    def is_floating(self) -> bool:
        """Whether the dtype is one of torch's floating-point types."""
        return self.dtype in FLOATING

    def with_shape(self, shape: Iterable[Size]) -> "ValueType":
        """The same kind of numbers in another shape."""
        return ValueType(tuple(shape), self.dtype, self.format)

    def with_dtype(self, dtype: str) -> "ValueType":
        """The same shape in another dtype."""
        return ValueType(self.shape, dtype)

    def bound(self, values: Mapping[str, int]) -> "ValueType":
        """The type once symbols have values."""
        return self.with_shape(bind(size, values) for size in self.shape)

    def substituted(self, values: Mapping[str, Size]) -> "ValueType":
        """The type with symbols replaced by sizes."""
        return self.with_shape(substitute(size, values) for size in self.shape)

    def __str__(self) -> str:
        sizes = ", ".join(str(size) for size in self.shape)
        return f"{self.format or self.dtype}[{sizes}]"


@frozen
class Value:
    """One output of one node: what an operand refers to."""

    node: str
    output: int = 0

    def __str__(self) -> str:
        return self.node if self.output == 0 else f"{self.node}:{self.output}"


def value_type(shape: Iterable[int | str | Symbolic], dtype: str = "float32", format: str | None = None) -> ValueType:
    """A type from what a person writes, such as `value_type(("N", 4))`."""
    return ValueType(tuple(as_size(size) for size in shape), dtype, format)
