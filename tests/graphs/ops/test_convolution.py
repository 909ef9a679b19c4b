"""Convolutions against torch over random geometries, and the counts of the reference."""

from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_graphs.capture.importers.convolution import IMPORTERS
from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, TensorName
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.convolution import ROWS
from nadoo_graphs.sizes import symbol
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.layers import Use, agrees, optional, use

REFERENCES = {
    "conv1d": F.conv1d,
    "conv2d": F.conv2d,
    "conv3d": F.conv3d,
    "conv_transpose1d": F.conv_transpose1d,
    "conv_transpose2d": F.conv_transpose2d,
    "conv_transpose3d": F.conv_transpose3d,
}


def per_axis(axes: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """One number for each axis."""
    return st.tuples(*[st.integers(least, most)] * axes)


@st.composite
def convolutions(draw: st.DrawFn) -> Use:
    """A convolution of any rank, batched or not, whose output may come out too small."""
    axes, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    inside, outside = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    lead = (draw(st.integers(1, 2)),) if draw(st.booleans()) else ()
    x = torch.randn(*lead, inside * groups, *draw(per_axis(axes, 1, 6)))
    weight = torch.randn(outside, inside, *draw(per_axis(axes, 1, 3)))
    bias = torch.randn(outside) if draw(st.booleans()) else None
    padding = draw(per_axis(axes, 0, 2) | st.sampled_from(["same", "valid"]))
    stride = draw(per_axis(axes, 1, 3))
    dilation = draw(per_axis(axes, 1, 2))
    tensors = optional(weight=weight, bias=bias)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return use(ROWS, f"conv{axes}d", x, tensors=tensors, **options)


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> Use:
    """A transposed convolution of any rank, batched or not, whose output may come out too small."""
    axes, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    inside, outside = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    lead = (draw(st.integers(1, 2)),) if draw(st.booleans()) else ()
    x = torch.randn(*lead, inside, *draw(per_axis(axes, 1, 4)))
    weight = torch.randn(inside, outside, *draw(per_axis(axes, 1, 3)))
    bias = torch.randn(outside * groups) if draw(st.booleans()) else None
    options: dict[str, Any] = {
        "stride": draw(per_axis(axes, 1, 3)),
        "padding": draw(per_axis(axes, 0, 2)),
        "output_padding": draw(per_axis(axes, 0, 2)),
        "dilation": draw(per_axis(axes, 1, 2)),
        "groups": groups,
    }
    return use(ROWS, f"conv_transpose{axes}d", x, tensors=optional(weight=weight, bias=bias), **options)


@settings(max_examples=150)
@given(convolutions() | transposed_convolutions())
def test_inference_agrees_with_torch(layer: Use) -> None:
    """Over random geometries: infer gives torch's shape and dtype, and refuses what torch refuses or leaves empty."""
    assert agrees(layer)


@settings(max_examples=50)
@given(convolutions() | transposed_convolutions())
def test_execution_is_bitwise_that_of_torch(layer: Use) -> None:
    """execute = the function of torch.nn.functional of the row's name, for every geometry that is not refused."""
    try:
        _ = layer.types
    except GraphError:
        return
    expected = REFERENCES[layer.row.name](layer.operands[0], **layer.tensors, **layer.attributes)
    assert torch.equal(layer.run(), expected)


@settings(max_examples=30)
@given(convolutions() | transposed_convolutions())
def test_a_computed_weight_changes_nothing_but_where_it_comes_from(layer: Use) -> None:
    """The computed row has the types, counts and result of the row whose weight is a tensor."""
    row = next(row for row in ROWS if row.name == f"computed_{layer.row.name}")
    computed = evolve(layer, row=row, operands=(*layer.operands, *layer.tensors.values()), tensors={})
    try:
        expected = layer.types
    except GraphError:
        with pytest.raises(GraphError):
            _ = computed.types
        return
    assert (computed.types, computed.macs, computed.elementary) == (expected, layer.macs, layer.elementary)
    assert torch.equal(computed.run(), layer.run())


def image(channels: int, side: int, batch: int | str = 1) -> Any:
    return value_type((batch, channels, side, side))


def test_counts_of_a_convolution() -> None:
    """B·oc·oh·ow·(ic/g)·kh·kw multiply-accumulates, and one addition an output element for the bias."""
    tensors = {"weight": value_type((16, 4, 3, 5)), "bias": value_type((16,))}
    options = {"stride": (2, 1), "padding": (1, 2), "groups": 2}
    layer = use(ROWS, "conv2d", image(8, 10, "N"), tensors=tensors, **options)
    assert str(layer.types[0]) == "float32[N, 16, 5, 10]"
    assert layer.macs == symbol("N") * (16 * 5 * 10 * 4 * 3 * 5)
    assert layer.elementary == symbol("N") * (16 * 5 * 10)


def test_counts_of_a_transposed_convolution() -> None:
    """B·ic·h·w·(oc/g)·kh·kw multiply-accumulates."""
    layer = use(ROWS, "conv_transpose2d", image(8, 5, 2), tensors={"weight": value_type((8, 3, 4, 4))}, groups=2)
    assert layer.types[0].shape == (2, 6, 8, 8)
    assert layer.macs == 2 * 8 * 25 * 3 * 16
    assert layer.elementary == 0


def test_a_pointwise_convolution_on_one_pixel_counts_as_a_linear_layer() -> None:
    layer = use(ROWS, "conv2d", image(32, 1), tensors={"weight": value_type((10, 32, 1, 1))})
    assert layer.macs == 320


@given(st.sampled_from([1, 2, 4, 8]))
def test_grouping_divides_the_count(groups: int) -> None:
    """MACs in g groups · g = MACs in one group."""
    whole = use(ROWS, "conv2d", image(8, 6), tensors={"weight": value_type((8, 8, 3, 3))})
    weight = value_type((8, 8 // groups, 3, 3))
    grouped = use(ROWS, "conv2d", image(8, 6), tensors={"weight": weight}, groups=groups)
    assert grouped.macs * groups == whole.macs


def test_the_stem_of_mobilenet_has_the_count_of_the_reference() -> None:
    layer = use(
        ROWS, "conv2d", image(3, 224), tensors={"weight": value_type((32, 3, 3, 3))}, stride=(2, 2), padding=(1, 1)
    )
    assert layer.macs == 10838016


def test_symbolic_sizes_go_through_windows() -> None:
    source = value_type(("N", 2, "H", "W"))
    weight = {"weight": value_type((4, 2, 3, 3))}
    layer = use(ROWS, "conv2d", source, tensors=weight, stride=(2, 1), padding=(1, 1))
    assert layer.types[0].shape == (symbol("N"), 4, (symbol("H") - 1) // 2 + 1, symbol("W"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stride": (0, 1), "dilation": (1,)}, ("stride (0, 1) must be at least 1", "dilation (1,) has 1 numbers")),
        ({"padding": "full"}, ("padding is 'full'", "'same' or 'valid'")),
        ({"padding": (1, -1)}, ("padding (1, -1) must be at least 0",)),
        ({"padding": "same", "stride": (2, 2)}, ("needs stride 1",)),
        ({"groups": 0}, ("groups is 0; it must be at least 1",)),
        ({"groups": 2}, ("the input has 4 channels", "give 8")),
        ({"dilation": (6, 6)}, ("gives an output of [-6, -6]", "smaller kernel")),
    ],
)
def test_a_convolution_refuses_geometry_that_does_not_fit(options: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(GraphError) as refused:
        _ = use(ROWS, "conv2d", image(4, 6), tensors={"weight": value_type((4, 4, 3, 3))}, **options).types
    assert refused.value.codes == ("E03",)
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(
    ("source", "weight", "bias", "code"),
    [
        (value_type((4, 4)), value_type((4, 4, 3, 3)), None, "E03"),
        (image(4, 6), value_type((4, 4, 3)), None, "E03"),
        (image(4, 6), value_type((4, 4, 3, 3), "float16"), None, "E04"),
        (image(4, 6), value_type((4, 4, 3, 3)), value_type((5,)), "E03"),
        (image(4, 6), value_type((4, 4, 3, 3)), value_type((4,), "float64"), "E04"),
    ],
)
def test_a_convolution_refuses_tensors_that_do_not_fit(source: Any, weight: Any, bias: Any, code: str) -> None:
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    with pytest.raises(GraphError) as refused:
        _ = use(ROWS, "conv2d", source, tensors=tensors).types
    assert refused.value.codes == (code,)


def test_a_transposed_convolution_refuses_an_output_padding_of_a_whole_stride() -> None:
    tensors = {"weight": value_type((4, 2, 3, 3))}
    with pytest.raises(GraphError, match=r"output_padding .* must be smaller than stride"):
        _ = use(ROWS, "conv_transpose2d", image(4, 6), tensors=tensors, output_padding=(1, 0)).types


def imported(overload: str, rank: int, **arguments: Argument) -> Imported | None:
    given: dict[str, Argument] = {"input": Value("x"), "weight": TensorName("w"), "bias": None, "groups": 1}
    lists: dict[str, Argument] = {"stride": (1,), "padding": (0,), "dilation": (1,), "output_padding": (0,)}
    call = AtenCall(overload, {**given, **lists, **arguments}, (), lambda item: value_type((2,) * rank))
    return IMPORTERS[overload](call)


@pytest.mark.parametrize(
    ("overload", "rank", "transposed", "op"),
    [
        ("aten.conv1d.default", 3, False, "conv1d"),
        ("aten.conv3d.default", 5, False, "conv3d"),
        ("aten.conv_transpose2d.input", 4, True, "conv_transpose2d"),
        ("aten.convolution.default", 4, False, "conv2d"),
        ("aten.convolution.default", 5, True, "conv_transpose3d"),
    ],
)
def test_one_number_stands_for_all_axes(overload: str, rank: int, transposed: bool, op: str) -> None:
    found = imported(overload, rank, transposed=transposed, stride=(2,), groups=3)
    assert found is not None
    assert found.op == op
    assert found.attributes["stride"] == (2,) * (rank - 2)
    assert found.attributes["groups"] == 3
    assert ("output_padding" in found.attributes) == transposed
    assert found.tensors == {"weight": TensorName("w")}


def test_a_named_padding_is_kept() -> None:
    found = imported("aten.conv2d.padding", 4, padding="same", stride=(1, 1), dilation=(2, 2))
    assert found is not None
    assert found.attributes == {"stride": (1, 1), "padding": "same", "dilation": (2, 2), "groups": 1}


def test_a_computed_weight_makes_a_computed_row() -> None:
    found = imported("aten.conv2d.default", 4, weight=Value("scaled"), bias=TensorName("b"))
    assert found is not None
    assert found.op == "computed_conv2d"
    assert found.operands == (Value("x"), Value("scaled"), TensorName("b"))


@pytest.mark.parametrize(
    ("overload", "rank", "arguments"),
    [
        ("aten.conv2d.default", 4, {"padding": (symbol("P"), 0)}),
        ("aten.conv2d.default", 4, {"groups": symbol("G")}),
        ("aten.conv2d.padding", 4, {"padding": (1, 1)}),
        ("aten.convolution.default", 6, {"transposed": False}),
        ("aten.conv2d.default", 4, {"input": None}),
    ],
)
def test_what_no_row_describes_stays_opaque(overload: str, rank: int, arguments: dict[str, Argument]) -> None:
    assert imported(overload, rank, **arguments) is None
