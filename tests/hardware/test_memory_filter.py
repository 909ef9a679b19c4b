"""The tensor memory filter: the published table of MobileNetV2, and what holds between modes, limits and formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_hardware.analysis.layers import Layer, layers_of
from nadoo_hardware.analysis.memory_filter import MODES, filter_memory
from tests.hardware.networks import expansion, mobilenet, residual_block

FORMATS = {"float32": 32.0, "float16": 16.0, "int8": 8.0, "int4": 4.0, "int2": 2.0}
KIB = 1024
LIMIT = 512 * KIB


@pytest.mark.parametrize(
    ("size", "mode", "allowed"),
    [
        (112, "max", ("int8", "int4", "int2")),
        (112, "sum", ("int8", "int4", "int2")),
        (144, "max", ("int8", "int4", "int2")),
        (144, "sum", ("int4", "int2")),
        (224, "max", ("int2",)),
        (224, "sum", ("int2",)),
        (32, "max", tuple(FORMATS)),
    ],
)
def test_the_published_table_of_the_first_expansion(size: int, mode: str, allowed: tuple[str, ...]) -> None:
    found = filter_memory([expansion(size)], LIMIT, FORMATS, mode)  # type: ignore[arg-type]
    assert found.layers[0].allowed == allowed


def test_the_published_sizes_of_the_first_expansion() -> None:
    largest = filter_memory([expansion(112)], LIMIT, FORMATS, "max").layers[0].sizes
    assert {name: size / KIB for name, size in largest.items()} == {
        "float32": 1176, "float16": 588, "int8": 294, "int4": 147, "int2": 73.5
    }  # fmt: skip
    assert filter_memory([expansion(112)], LIMIT, FORMATS, "sum").layers[0].sizes["int8"] == 343 * KIB
    assert filter_memory([expansion(144)], LIMIT, FORMATS, "max").layers[0].sizes["int8"] == 486 * KIB
    assert filter_memory([expansion(144)], LIMIT, FORMATS, "sum").layers[0].sizes["int8"] == 567 * KIB


def test_the_network_itself_has_that_expansion() -> None:
    layers = mobilenet(32)
    assert len(layers) == 53
    widest = max(layers, key=lambda layer: layer.inputs + layer.outputs)
    assert widest.inputs + widest.outputs == 30_720
    by_name = {layer.name: layer for layer in layers}
    wanted = expansion(32)
    found = by_name["features.2.conv.0.0"]
    assert (found.inputs, found.outputs, found.macs, found.window) == (
        wanted.inputs, wanted.outputs, wanted.macs, wanted.window
    )  # fmt: skip


def test_live_counts_the_residual_that_waits() -> None:
    first, second = layers_of(residual_block())
    elements = 4 * 8 * 8
    assert sum(first.live) == 2 * elements
    assert sum(second.live) == 3 * elements
    assert second.inputs + second.outputs == 2 * elements


def test_a_layer_that_fits_nowhere_is_infeasible() -> None:
    found = filter_memory([expansion(112), expansion(32)], 20 * KIB, FORMATS, "max")
    assert [layer.name for layer in found.infeasible] == ["expand"]
    document = found.as_document()
    assert document["feasible"] is False
    assert document["layers"][0]["allowed"] == []
    assert document["layers"][1]["allowed"] == ["int4", "int2"]


def test_pairs_fit_if_both_together_do() -> None:
    layer = filter_memory([expansion(112)], LIMIT, FORMATS, "max").layers[0]
    assert layer.pairs == (("int8", "int4"), ("int8", "int2"), ("int4", "int2"))


SIZES = st.integers(1, 100_000)


@st.composite
def drawn_layers(draw: st.DrawFn) -> Layer:
    inputs, outputs = draw(SIZES), draw(SIZES)
    others = tuple(draw(st.lists(SIZES, max_size=3)))
    return Layer("layer", "conv2d", "conv", 1, 1, inputs, outputs, (inputs, outputs, *others), 1, (1, 1, 1, 1))


@given(drawn_layers(), st.integers(1, 500_000))
def test_what_fits_live_fits_as_a_sum_and_that_as_a_maximum(layer: Layer, limit: int) -> None:
    live, total, largest = (set(filter_memory([layer], limit, FORMATS, mode).layers[0].allowed) for mode in MODES)
    assert live <= total <= largest


@given(drawn_layers(), st.integers(1, 500_000), st.integers(0, 500_000))
def test_narrower_formats_and_larger_limits_only_help(layer: Layer, limit: int, more: int) -> None:
    names = list(FORMATS)
    for mode in MODES:
        allowed = filter_memory([layer], limit, FORMATS, mode).layers[0].allowed
        assert list(allowed) == names[len(names) - len(allowed) :]
        assert set(allowed) <= set(filter_memory([layer], limit + more, FORMATS, mode).layers[0].allowed)


@given(st.integers(8, 256), st.integers(8, 256))
def test_larger_images_never_fit_better(one: int, other: int) -> None:
    small, large = sorted((one, other))
    for mode in MODES:
        few, many = (
            set(filter_memory([expansion(size)], LIMIT, FORMATS, mode).layers[0].allowed) for size in (large, small)
        )
        assert few <= many
