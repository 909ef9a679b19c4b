"""Which rows of the table `kernels` these layers are, without importing what writes them."""

from collections.abc import Mapping

FORMATS = {
    "FOUR_BIT_LAYERS": ("4bitsym", "4bit", "4bitoffset", "int4", "uint4", "dorefa4"),
    "TWO_BIT_LAYERS": ("2bitsym", "int2", "uint2", "dorefa2"),
}


def zero_skipping_kernels() -> Mapping[str, str]:
    """A row for every format of equal steps with 2 or 4 bits, for any core."""
    return {
        f"quantized_linear/{name}/any": f"nadoo_c.zero_skipping.skip_zeros:{row}"
        for row, names in FORMATS.items()
        for name in names
    }
