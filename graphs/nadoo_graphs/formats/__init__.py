"""Number formats: what a value can be, how it is packed, and how integers are rescaled.

Passes choose formats, estimators and exporters read them, and only this package knows what they mean bit by
bit.
"""

from nadoo_graphs.formats.biases import fold_zero_point, fused_bounds, quantize_bias
from nadoo_graphs.formats.book import CodeBook
from nadoo_graphs.formats.code_books import PowerRounding
from nadoo_graphs.formats.codecs import FloatCodec, IntegerCodec
from nadoo_graphs.formats.digits import DigitPacking, TritPacking
from nadoo_graphs.formats.format import Codec, Format, GradientRule, Kind, NonFinite
from nadoo_graphs.formats.joint import activation_levels, joint_pairs
from nadoo_graphs.formats.nesting import nested_codes, nested_scale
from nadoo_graphs.formats.packing import Packing, PlainPacking, StreamPacking, WordPacking
from nadoo_graphs.formats.requantize import (
    Requantization,
    RequantizationMode,
    decompose_multiplier,
    requantize,
)
from nadoo_graphs.formats.rounding import Rounding, round_reals, shift_right
from nadoo_graphs.formats.rows import level_table
from nadoo_graphs.formats.scales import Grid, affine_grid, symmetric_grid
from nadoo_graphs.formats.table import FormatTable, standard_formats

__all__ = [
    "CodeBook",
    "Codec",
    "DigitPacking",
    "FloatCodec",
    "Format",
    "FormatTable",
    "GradientRule",
    "Grid",
    "IntegerCodec",
    "Kind",
    "NonFinite",
    "Packing",
    "PlainPacking",
    "PowerRounding",
    "Requantization",
    "RequantizationMode",
    "Rounding",
    "StreamPacking",
    "TritPacking",
    "WordPacking",
    "activation_levels",
    "affine_grid",
    "decompose_multiplier",
    "fold_zero_point",
    "fused_bounds",
    "joint_pairs",
    "level_table",
    "nested_codes",
    "nested_scale",
    "quantize_bias",
    "requantize",
    "round_reals",
    "shift_right",
    "standard_formats",
    "symmetric_grid",
]
