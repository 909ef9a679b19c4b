"""Pools and upsampling against torch over random geometries, their counts, and what they refuse."""

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported
from nadoo_graphs.capture.importers.pooling import IMPORTERS
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.pooling import ROWS, ceiled_count, covered
from nadoo_graphs.sizes import bind, symbol
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.layers import Use, agrees, same_as_torch, use

FIXED = {
    "max_pool1d": F.max_pool1d,
    "max_pool2d": F.max_pool2d,
    "max_pool3d": F.max_pool3d,
    "avg_pool1d": F.avg_pool1d,
    "avg_pool2d": F.avg_pool2d,
    "avg_pool3d": F.avg_pool3d,
}
ADAPTIVE = {
    "adaptive_avg_pool1d": F.adaptive_avg_pool1d,
    "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "adaptive_avg_pool3d": F.adaptive_avg_pool3d,
    "adaptive_max_pool1d": F.adaptive_max_pool1d,
    "adaptive_max_pool2d": F.adaptive_max_pool2d,
    "adaptive_max_pool3d": F.adaptive_max_pool3d,
}
MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}


def per_axis(axes: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """One number for each axis."""
    return st.tuples(*[st.integers(least, most)] * axes)


@st.composite
def images(draw: st.DrawFn, axes: int, *, batched: bool = False) -> torch.Tensor:
    """An input [channels, *axes] with or without a batch."""
    lead = (draw(st.integers(1, 2)),) if batched or draw(st.booleans()) else ()
    return torch.randn(*lead, draw(st.integers(1, 3)), *draw(per_axis(axes, 1, 7)))


@st.composite
def pools(draw: st.DrawFn) -> Use:
    """A pool of any kind and rank, whose padding or output may not be allowed."""
    name = draw(st.sampled_from(sorted(FIXED)))
    axes = int(name[-2])
    options: dict[str, Any] = {
        "kernel_size": draw(per_axis(axes, 1, 4)),
        "stride": draw(per_axis(axes, 1, 4) | st.just(())),
        "padding": draw(per_axis(axes, 0, 2)),
        "ceil_mode": draw(st.booleans()),
    }
    if name.startswith("max"):
        options["dilation"] = draw(per_axis(axes, 1, 2))
    else:
        options["count_include_pad"] = draw(st.booleans())
    if name.startswith("avg") and axes > 1:
        options["divisor_override"] = draw(st.sampled_from([None, 1, 5]))
    return use(ROWS, name, draw(images(axes)), **options)


@settings(max_examples=200)
@given(pools())
def test_pools_agree_with_torch(pool: Use) -> None:
    """Over random geometries: infer gives torch's shape, and refuses exactly what torch refuses."""
    assert agrees(pool)


@settings(max_examples=60)
@given(pools())
def test_pools_have_the_bits_of_torch(pool: Use) -> None:
    """execute = the function of torch.nn.functional of the row's name, for every geometry that is not refused."""
    try:
        _ = pool.types
    except GraphError:
        return
    options = {**pool.attributes, "stride": pool.attributes["stride"] or None}
    expected = FIXED[pool.row.name](pool.operands[0], **options)
    assert torch.equal(pool.run(), expected)


@settings(max_examples=50)
@given(st.data())
def test_adaptive_pools_are_those_of_torch(data: st.DataObject) -> None:
    """For every input and output size, larger ones too: the type and bits of torch."""
    name = data.draw(st.sampled_from(sorted(ADAPTIVE)))
    axes = int(name[-2])
    wanted = data.draw(per_axis(axes, 1, 5))
    pool = use(ROWS, name, data.draw(images(axes)), output_size=wanted)
    assert same_as_torch(pool)
    assert torch.equal(pool.run(), ADAPTIVE[name](pool.operands[0], wanted))


@settings(max_examples=80)
@given(st.data())
def test_upsampling_is_that_of_torch(data: st.DataObject) -> None:
    """In every mode, by sizes, by scales, or both: the type of torch, and the bits of F.interpolate."""
    mode = data.draw(st.sampled_from(sorted(MODES)))
    axes = data.draw(st.sampled_from(MODES[mode]))
    x = data.draw(images(axes, batched=True))
    corners = False if mode.startswith("nearest") else data.draw(st.booleans())
    sizes = data.draw(per_axis(axes, 1, 9))
    scales = data.draw(st.tuples(*[st.sampled_from([1.0, 2.0, 0.5, 1.7, 3.0])] * axes))
    aligned = None if mode.startswith("nearest") else corners
    resized = use(ROWS, "upsample", x, mode=mode, sizes=sizes, align_corners=corners)
    assert same_as_torch(resized)
    assert torch.equal(resized.run(), F.interpolate(x, sizes, None, mode, aligned))
    scaled = use(ROWS, "upsample", x, mode=mode, scales=scales, align_corners=corners)
    assert agrees(scaled)
    if all(int(size * scale) for size, scale in zip(x.shape[2:], scales, strict=True)):
        assert torch.equal(scaled.run(), F.interpolate(x, None, scales, mode, aligned))
    assert same_as_torch(use(ROWS, "upsample", x, mode=mode, sizes=sizes, scales=scales, align_corners=corners))


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 6), st.integers(0, 3))
def test_a_symbolic_size_counts_windows_as_a_number(size: int, kernel: int, stride: int, padding: int) -> None:
    """ceil_mode over N, bound to a number, equals ceil_mode over the number, or is refused."""
    pool = use(ROWS, "max_pool1d", value_type(("N", 1, size)), kernel_size=(kernel,))
    try:
        symbolic = ceiled_count(pool.call, symbol("H"), kernel, stride, padding, 1)
    except GraphError:
        assert padding + stride > kernel
        return
    assert bind(symbolic, {"H": size}) == ceiled_count(pool.call, size, kernel, stride, padding, 1)


@given(st.integers(1, 12), st.integers(1, 12))
def test_adaptive_windows_hold_what_torch_reads(size: int, count: int) -> None:
    """Σ over windows of (⌈(i + 1)·n/m⌉ − ⌊i·n/m⌋) = n + m − gcd(n, m), and a symbolic n is never counted short."""
    lengths = [-(-(index + 1) * size // count) - index * size // count for index in range(count)]
    assert covered(size, count) == sum(lengths)
    assert bind(covered(symbol("H"), count), {"H": size}) >= sum(lengths)


@pytest.mark.parametrize(
    ("name", "attributes", "count"),
    [
        ("max_pool2d", {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1)}, "1024*N"),
        ("avg_pool2d", {"kernel_size": (2, 2)}, "512*N"),
        ("adaptive_avg_pool2d", {}, "512*N"),
        ("adaptive_max_pool2d", {"output_size": (2, 2)}, "480*N"),
        ("upsample", {"scales": (2.0, 2.0)}, "0"),
        ("upsample", {"mode": "bilinear", "sizes": (4, 4)}, "896*N"),
    ],
)
def test_elementary_counts(name: str, attributes: Any, count: str) -> None:
    """Maximum k² − 1 and average k² for each output element; no multiply-accumulates."""
    pool = use(ROWS, name, value_type(("N", 8, 8, 8)), **attributes)
    assert str(pool.elementary) == count
    assert pool.macs == 0


def test_scales_multiply_symbolic_sizes() -> None:
    source = value_type(("N", 3, "H", "W"))
    types = use(ROWS, "upsample", source, scales=(2.0, 1.5)).types
    assert types[0].shape == (symbol("N"), 3, symbol("H") * 2, symbol("W") * 3 // 2)


IMAGE = value_type((2, 3, 8, 8))


def pool_of(name: str, source: Any = IMAGE, **attributes: Any) -> Use:
    return use(ROWS, name, source, **attributes)


@pytest.mark.parametrize(
    ("pool", "code", "words"),
    [
        (pool_of("max_pool2d"), "E01", "'kernel_size' is missing"),
        (pool_of("max_pool2d", kernel_size=(0, 2)), "E03", "kernel_size (0, 2) must be at least 1"),
        (pool_of("max_pool2d", kernel_size=(2,)), "E03", "kernel_size (2,) has 1 numbers; give 2"),
        (pool_of("max_pool2d", kernel_size=(2, 2), stride=(0, 1)), "E03", "stride (0, 1) must be 2 numbers"),
        (pool_of("avg_pool2d", kernel_size=(3, 3), padding=(2, 0)), "E03", "at most half of the kernel"),
        (pool_of("avg_pool2d", kernel_size=(9, 9)), "E03", "gives an output of [0, 0]"),
        (pool_of("avg_pool2d", kernel_size=(2, 2), divisor_override=0), "E03", "divisor_override is 0"),
        (pool_of("avg_pool3d", kernel_size=(1, 1, 9), padding=(0, 0, 4)), "E03", "without padding"),
        (pool_of("max_pool2d", value_type((8, 8)), kernel_size=(2, 2)), "E03", "it must have 4 axes"),
        (pool_of("adaptive_avg_pool2d", output_size=(1,)), "E03", "has 1 numbers; give 2"),
        (pool_of("adaptive_avg_pool2d", output_size=(0, 1)), "E03", "at least 1 is needed"),
        (pool_of("upsample"), "E03", "neither sizes nor scales"),
        (pool_of("upsample", sizes=(4, 4), mode="cubic"), "E03", "give one of nearest"),
        (pool_of("upsample", sizes=(4,), mode="linear"), "E03", "mode 'linear' takes 3"),
        (pool_of("upsample", scales=(0.0, 1.0)), "E03", "must be positive"),
        (pool_of("upsample", scales=(0.1, 0.1)), "E03", "at least 1 is needed"),
        (pool_of("upsample", sizes=(4, 4), align_corners=True), "E03", "align_corners must be false"),
        (pool_of("upsample", value_type((1, 2, 3), "int64"), sizes=(4,)), "E04", "floating-point"),
    ],
)
def test_pools_refuse_what_does_not_fit(pool: Use, code: str, words: str) -> None:
    with pytest.raises(GraphError) as refused:
        _ = pool.types
    assert refused.value.codes == (code,)
    assert words in str(refused.value)


def test_all_that_is_wrong_with_a_window_is_said_at_once() -> None:
    with pytest.raises(GraphError) as refused:
        _ = pool_of("max_pool2d", kernel_size=(2, 2), padding=(2, 2), dilation=(0, 0)).types
    assert "dilation (0, 0)" in str(refused.value)
    assert "padding (2, 2)" in str(refused.value)


def test_ceil_mode_refuses_a_symbolic_size_that_it_cannot_round() -> None:
    source = value_type((1, 1, "H"))
    with pytest.raises(GraphError, match="needs a known size, not H"):
        _ = pool_of("max_pool1d", source, kernel_size=(2,), stride=(3,), ceil_mode=True).types


def imported(overload: str, **arguments: Argument) -> Imported | None:
    return IMPORTERS[overload](AtenCall(overload, arguments, (), lambda item: IMAGE))


WINDOW: dict[str, Argument] = {"self": Value("x"), "stride": (), "padding": (0,), "ceil_mode": False}


@pytest.mark.parametrize("overload", ["aten.max_pool2d.default", "aten.max_pool2d_with_indices.default"])
def test_a_stride_that_is_left_out_is_the_kernels(overload: str) -> None:
    found = imported(overload, **WINDOW, kernel_size=(3, 2), dilation=(1,))
    wanted = {"kernel_size": (3, 2), "stride": (3, 2), "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    assert found == Imported("max_pool2d", (Value("x"),), {}, wanted)


def test_symbolic_outputs_are_imported_and_symbolic_windows_are_not() -> None:
    sizes = (symbol("H"), 3)
    found = imported("aten.adaptive_avg_pool2d.default", self=Value("x"), output_size=sizes)
    assert found == Imported("adaptive_avg_pool2d", (Value("x"),), {}, {"output_size": sizes})
    assert imported("aten.avg_pool2d.default", **WINDOW, kernel_size=sizes) is None


def test_a_decomposed_global_pool_stays_opaque() -> None:
    """Torch computes the whole operator over one window as a mean, with other bits."""
    assert imported("aten._adaptive_avg_pool2d.default", self=Value("x"), output_size=(1, 1)) is None
    found = imported("aten._adaptive_avg_pool2d.default", self=Value("x"), output_size=(2, 1))
    assert found is not None
    assert found.op == "adaptive_avg_pool2d"


def test_upsampling_is_imported_from_both_kinds_of_overload() -> None:
    vector = imported("aten.upsample_nearest2d.vec", input=Value("x"), output_size=None, scale_factors=(2.0, 2.0))
    assert vector is not None
    assert vector.attributes == {"mode": "nearest", "sizes": None, "scales": (2.0, 2.0)}
    given: dict[str, Argument] = {"self": Value("x"), "output_size": (4, 6), "align_corners": True}
    plain = imported("aten.upsample_bilinear2d.default", **given, scales_h=None, scales_w=None)
    assert plain is not None
    assert plain.attributes == {"mode": "bilinear", "sizes": (4, 6), "scales": None, "align_corners": True}
    assert imported("aten.upsample_bilinear2d.default", **given, scales_h=2.0, scales_w=None) is None


def test_every_pool_and_mode_has_an_importer() -> None:
    for kind, axes in product(("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"), (1, 2, 3)):
        assert f"aten.{kind}{axes}d.default" in IMPORTERS
        assert any(row.name == f"{kind}{axes}d" for row in ROWS)
