"""Norms against torch in evaluation and in training, their counts, and what they refuse."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, TensorName
from nadoo_graphs.capture.importers.normalization import IMPORTERS
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.normalization import ROWS, batch_norm_module
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.layers import Use, agrees, optional, same_as_torch, use

EPS = st.sampled_from([0.0, 1e-5, 1e-3])
DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])
BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


@st.composite
def channelled(draw: st.DrawFn, least_rank: int = 2) -> Tensor:
    """An input [batch, channels, *axes]."""
    rank = draw(st.integers(least_rank, 5))
    return torch.randn(*[draw(st.integers(2, 4)) for _ in range(rank)], dtype=draw(DTYPES))


def affine(shape: tuple[int, ...], dtype: torch.dtype, weighted: bool, biased: bool) -> dict[str, Tensor]:
    """A scale and a shift, each if wanted."""
    weight = torch.randn(shape, dtype=dtype) if weighted else None
    bias = torch.randn(shape, dtype=dtype) if biased else None
    return optional(weight=weight, bias=bias)


def statistics(channels: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Running statistics as training would have left them."""
    return {
        "running_mean": torch.randn(channels, dtype=dtype),
        "running_var": torch.rand(channels, dtype=dtype) + 0.1,
        "num_batches_tracked": torch.tensor(3),
    }


@settings(max_examples=50)
@given(channelled(), st.booleans(), st.booleans(), st.booleans(), EPS)
def test_batch_norm_evaluates_as_torch(x: Tensor, weighted: bool, biased: bool, tracked: bool, eps: float) -> None:
    """In eval: running statistics if there are any, else the batch's; the types and bits of F.batch_norm."""
    tensors = affine((x.shape[1],), x.dtype, weighted, biased)
    known = statistics(x.shape[1], x.dtype) if tracked else {}
    layer = use(ROWS, "batch_norm", x, tensors={**tensors, **known}, eps=eps)
    mean, variance = known.get("running_mean"), known.get("running_var")
    assert agrees(layer)
    if eps == 0 and not tracked:
        return
    expected = F.batch_norm(x, mean, variance, tensors.get("weight"), tensors.get("bias"), not tracked, 0.1, eps)
    assert torch.equal(layer.run(), expected)
    assert not known or int(known["num_batches_tracked"]) == 3


@settings(max_examples=50)
@given(channelled(), st.booleans(), st.booleans(), st.sampled_from([None, 0.0, 0.1, 0.5]))
def test_batch_norm_trains_as_torch(x: Tensor, learned: bool, tracked: bool, momentum: float | None) -> None:
    """Two training steps: the outputs, gradients, statistics and count of batches of nn.BatchNorm, bit for bit."""
    original = BATCH_NORMS[x.dim()](x.shape[1], 1e-3, momentum, learned, tracked, dtype=x.dtype)
    state = copy.deepcopy(original)
    tensors = {**dict(state.named_parameters()), **dict(state.named_buffers())}
    layer = use(ROWS, "batch_norm", x, tensors=tensors, momentum=momentum, eps=1e-3)
    for _ in range(2):
        first, second = original(x), layer.run(training=True)
        assert torch.equal(first, second)
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, state.state_dict()[name]), name
    if learned:
        (first * first).sum().backward()
        (second * second).sum().backward()
        assert torch.equal(original.weight.grad, state.weight.grad)  # type: ignore[arg-type]


def test_a_frozen_batch_norm_leaves_its_statistics_alone_in_training() -> None:
    x, known = torch.randn(4, 3), statistics(3, torch.float32)
    before = {name: tensor.clone() for name, tensor in known.items()}
    layer = use(ROWS, "batch_norm", x, tensors=known, frozen=True)
    assert torch.equal(layer.run(training=True), layer.run())
    assert all(torch.equal(before[name], known[name]) for name in before)


@pytest.mark.parametrize("training", [False, True])
def test_the_module_of_a_batch_norm_exports_and_holds_no_tensors(training: bool) -> None:
    module = batch_norm_module({"momentum": 0.1, "eps": 1e-5, "frozen": False}).train(training)
    assert not module.state_dict()
    x = torch.randn(4, 3)
    keywords: dict[str, Any] = statistics(3, torch.float32)
    program = torch.export.export(module, (x,), {name: tensor.clone() for name, tensor in keywords.items()})
    if not training:
        assert "aten.batch_norm.default" in str(program.graph)
    assert torch.equal(program.module()(x, **copy.deepcopy(keywords)), module(x, **copy.deepcopy(keywords)))


@settings(max_examples=40)
@given(channelled(3), st.booleans(), st.booleans(), st.booleans())
def test_instance_norm_is_that_of_torch(x: Tensor, learned: bool, tracked: bool, training: bool) -> None:
    """In both modes: the types, bits and statistics of nn.InstanceNorm."""
    kind = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}[x.dim()]
    original = kind(x.shape[1], affine=learned, track_running_stats=tracked, dtype=x.dtype).train(training)
    state = copy.deepcopy(original)
    tensors = {**dict(state.named_parameters()), **dict(state.named_buffers())}
    layer = use(ROWS, "instance_norm", x, tensors=tensors)
    assert torch.equal(original(x), layer.run(training=training))
    assert all(torch.equal(tensor, state.state_dict()[name]) for name, tensor in original.state_dict().items())
    assert same_as_torch(layer)


@settings(max_examples=50)
@given(channelled(1), st.integers(1, 5), st.booleans(), st.booleans(), EPS)
def test_norms_of_rows_are_those_of_torch(x: Tensor, axes: int, weighted: bool, biased: bool, eps: float) -> None:
    """Over the last axes: the types and bits of F.layer_norm and F.rms_norm."""
    shape = tuple(x.shape[-axes:])
    tensors = affine(shape, x.dtype, weighted, biased)
    layer = use(ROWS, "layer_norm", x, tensors=tensors, normalized_shape=shape, eps=eps)
    assert same_as_torch(layer)
    assert torch.equal(layer.run(), F.layer_norm(x, shape, tensors.get("weight"), tensors.get("bias"), eps))
    weight = optional(weight=tensors.get("weight"))
    for chosen in (None, eps):
        root = use(ROWS, "rms_norm", x, tensors=weight, normalized_shape=shape, eps=chosen)
        assert same_as_torch(root)
        assert torch.equal(root.run(), F.rms_norm(x, shape, weight.get("weight"), chosen))


@settings(max_examples=50)
@given(channelled(), st.integers(1, 4), st.booleans(), st.booleans())
def test_group_norm_is_that_of_torch(x: Tensor, groups: int, weighted: bool, biased: bool) -> None:
    """For every number of groups: the type and bits of F.group_norm, or a refusal where torch refuses."""
    tensors = affine((x.shape[1],), x.dtype, weighted, biased)
    layer = use(ROWS, "group_norm", x, tensors=tensors, num_groups=groups)
    assert agrees(layer)
    if x.shape[1] % groups == 0:
        assert torch.equal(layer.run(), F.group_norm(x, groups, tensors.get("weight"), tensors.get("bias")))


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("rms_norm", {}, [0.36515, 0.73030, 1.09545, -1.46059]),
        ("layer_norm", {"eps": 1e-5}, [0.18570, 0.55709, 0.92848, -1.67126]),
    ],
)
def test_reference_rows(name: str, attributes: dict[str, Any], expected: list[float]) -> None:
    layer = use(ROWS, name, torch.tensor([1.0, 2.0, 3.0, -4.0]), normalized_shape=(4,), **attributes)
    assert torch.allclose(layer.run(), torch.tensor(expected), atol=1e-5)


SOURCE = value_type(("N", 6, 4, 4))
PAIR = {"running_mean": value_type((6,)), "running_var": value_type((6,))}


@pytest.mark.parametrize(
    ("name", "source", "tensors", "attributes", "count"),
    [
        ("batch_norm", SOURCE, PAIR, {}, "192*N"),
        ("batch_norm", SOURCE, {}, {}, "384*N + 12"),
        ("instance_norm", SOURCE, {}, {}, "396*N"),
        ("rms_norm", value_type(("N", 64)), {}, {"normalized_shape": (64,)}, "130*N"),
        ("layer_norm", value_type(("N", 8)), {"bias": value_type((8,))}, {"normalized_shape": (8,)}, "42*N"),
        ("group_norm", SOURCE, {}, {"num_groups": 3}, "390*N"),
    ],
)
def test_elementary_counts(name: str, source: Any, tensors: Any, attributes: Any, count: str) -> None:
    """Batch norm 2 an element; RMS norm 2n + 2 a row; what takes means and variances 4n + 2 a set."""
    layer = use(ROWS, name, source, tensors=tensors, **attributes)
    assert str(layer.elementary) == count
    assert layer.macs == 0


def layer_of(name: str, source: Any = SOURCE, tensors: Any = None, **attributes: Any) -> Use:
    return use(ROWS, name, source, tensors=tensors, **attributes)


@pytest.mark.parametrize(
    ("layer", "code", "words"),
    [
        (layer_of("batch_norm", value_type((6,))), "E03", "at least 2 axes"),
        (layer_of("batch_norm", value_type((2, 6), "int64")), "E04", "cast it"),
        (layer_of("batch_norm", tensors={"running_mean": value_type((6,))}), "E03", "give both"),
        (layer_of("batch_norm", eps=0.0), "E03", "must be positive"),
        (layer_of("batch_norm", tensors={"weight": value_type((5,))}), "E03", "must be [6]"),
        (layer_of("batch_norm", tensors={"weight": value_type((6,), "float16")}), "E04", "may be float32"),
        (layer_of("batch_norm", tensors={**PAIR, "num_batches_tracked": value_type(())}), "E04", "int64"),
        (layer_of("instance_norm", value_type((2, 6))), "E03", "at least 3 axes"),
        (layer_of("layer_norm", normalized_shape=(4, 3)), "E03", "must be the last axes"),
        (layer_of("layer_norm", normalized_shape=()), "E03", "at least one"),
        (layer_of("layer_norm"), "E01", "'normalized_shape' is missing"),
        (layer_of("rms_norm", tensors={"weight": value_type((3,))}, normalized_shape=(4,)), "E03", "must be [4]"),
        (layer_of("group_norm", num_groups=4), "E03", "divide 6 channels"),
        (layer_of("group_norm", num_groups=0), "E03", "at least 1"),
    ],
)
def test_norms_refuse_what_does_not_fit(layer: Use, code: str, words: str) -> None:
    with pytest.raises(GraphError) as refused:
        _ = layer.types
    assert refused.value.codes == (code,)
    assert words in str(refused.value)


def imported(overload: str, **arguments: Argument) -> Imported | None:
    call = AtenCall(overload, {"input": Value("x"), **arguments}, (), lambda item: value_type((2, 6)))
    return IMPORTERS[overload](call)


PLAIN: dict[str, Argument] = {"weight": None, "bias": None, "momentum": 0.1, "eps": 1e-5}
NAMES: dict[str, Argument] = {"running_mean": TensorName("m"), "running_var": TensorName("v")}


def test_a_batch_norm_in_evaluation_is_imported_with_its_statistics() -> None:
    found = imported("aten.batch_norm.default", **PLAIN, **NAMES, training=False)
    assert found == Imported("batch_norm", (Value("x"),), NAMES, {"momentum": 0.1, "eps": 1e-5})  # type: ignore[arg-type]
    native = imported("aten._native_batch_norm_legit_no_training.default", **PLAIN, **NAMES)
    assert native == found


@pytest.mark.parametrize("overload", ["aten.batch_norm.default", "aten._native_batch_norm_legit.no_stats"])
def test_a_batch_norm_without_statistics_is_imported_without(overload: str) -> None:
    absent: dict[str, Argument] = {} if "no_stats" in overload else {"running_mean": None, "running_var": None}
    found = imported(overload, **PLAIN, **absent, training=True)
    assert found is not None
    assert not found.tensors


def test_group_norms_name_their_groups_in_two_ways() -> None:
    whole = imported("aten.group_norm.default", **PLAIN, num_groups=3)
    native = imported("aten.native_group_norm.default", **PLAIN, group=3, N=2, C=6, HxW=1)
    assert whole is not None
    assert whole == native
    assert whole.attributes == {"num_groups": 3, "eps": 1e-5}


@pytest.mark.parametrize(
    ("overload", "arguments"),
    [
        ("aten.batch_norm.default", {**NAMES, "training": True}),
        ("aten.batch_norm.default", {**NAMES, "training": False, "weight": Value("computed")}),
        ("aten.instance_norm.default", {**NAMES, "use_input_stats": True}),
        ("aten.layer_norm.default", {"normalized_shape": (6,), "bias": Value("computed")}),
    ],
)
def test_what_no_row_describes_stays_opaque(overload: str, arguments: dict[str, Argument]) -> None:
    assert imported(overload, **{**PLAIN, **arguments}) is None


def test_native_overloads_have_the_bits_of_the_whole_ones() -> None:
    """What importers take for the same is the same: each native overload's first output is the whole one's."""
    aten, x, w = torch.ops.aten, torch.randn(2, 4, 5, 5), torch.randn(4)
    mean, variance, row = torch.randn(4), torch.rand(4) + 0.1, torch.randn(5)
    pairs = [
        (
            aten.batch_norm.default(x, w, w, mean, variance, False, 0.1, 1e-5, True),
            aten._native_batch_norm_legit_no_training.default(x, w, w, mean, variance, 0.1, 1e-5),
        ),
        (
            aten.batch_norm.default(x, w, w, None, None, True, 0.1, 1e-5, True),
            aten._native_batch_norm_legit.no_stats(x, w, w, True, 0.1, 1e-5),
        ),
        (aten.group_norm.default(x, 2, w, w), aten.native_group_norm.default(x, w, w, 2, 4, 25, 2, 1e-5)),
        (aten.layer_norm.default(x, [5], row, row), aten.native_layer_norm.default(x, [5], row, row, 1e-5)),
        (aten.rms_norm.default(x, [5], row, 1e-6), aten._fused_rms_norm.default(x, [5], row, 1e-6)),
    ]
    for whole, native in pairs:
        assert torch.equal(whole, native[0])
