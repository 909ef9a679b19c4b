"""The families of operators, in the order in which reference pages list them."""

from nadoo_graphs.ops import (
    activation,
    arithmetic,
    attention,
    comparison,
    convolution,
    creation,
    embedding,
    indexing,
    joining,
    linear,
    normalization,
    pooling,
    random_activation,
    rectifier,
    recurrent,
    reduction,
    shaping,
    structure,
)
from nadoo_graphs.ops.quantized import arithmetic as quantized_arithmetic
from nadoo_graphs.ops.quantized import borders, functions, layers, relu_norm
from nadoo_graphs.ops.quantized import pooling as quantized_pooling
from nadoo_graphs.ops.quantized import recurrent as quantized_recurrent
from nadoo_graphs.ops.quantized.kept import keeping

FLOAT_FAMILIES = (
    structure.ROWS,
    linear.ROWS,
    convolution.ROWS,
    normalization.ROWS,
    activation.ROWS,
    rectifier.ROWS,
    random_activation.ROWS,
    pooling.ROWS,
    arithmetic.ROWS,
    comparison.ROWS,
    reduction.ROWS,
    shaping.ROWS,
    joining.ROWS,
    indexing.ROWS,
    creation.ROWS,
    embedding.ROWS,
    attention.ROWS,
    recurrent.ROWS,
)
QUANTIZED_FAMILIES = (
    borders.ROWS,
    layers.ROWS,
    relu_norm.ROWS,
    quantized_arithmetic.ROWS,
    quantized_pooling.ROWS,
    functions.ROWS,
    quantized_recurrent.ROWS,
)
FAMILIES = (*(tuple(map(keeping, rows)) for rows in FLOAT_FAMILIES), *QUANTIZED_FAMILIES)
