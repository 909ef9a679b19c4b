"""The compression calculator: the ratio, the sizes and the histogram."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.formats import standard_formats
from nadoo_hardware.analysis.compression import compress
from nadoo_hardware.analysis.layers import Layer, layers_of
from nadoo_hardware.analysis.mapping import Choice, Precision
from tests.hardware.networks import mobilenet, residual_block

BITS = {"float32": 32, "float16": 16, "int8": 8, "int4": 4, "int2": 2}


def one(name: str) -> Choice:
    return Choice((Precision(name, name),))


def layer(name: str, weights: int, macs: int = 10) -> Layer:
    return Layer(name, "linear", "linear", macs, weights, 1, 1, (1, 1), 1, (1, 1, 1, 1))


@pytest.mark.parametrize(("name", "bits"), BITS.items())
def test_one_precision_everywhere_compresses_by_its_width(name: str, bits: int) -> None:
    layers = mobilenet(32)
    found = compress(layers, {item.name: one(name) for item in layers}, standard_formats())
    assert found.weights == 2_202_560
    assert found.ratio == pytest.approx(32 / bits)
    assert found.before == 4 * 2_202_560
    assert found.histogram[name].layers == 53


def test_a_mixture_worked_by_hand() -> None:
    layers = [layer("a", 432, 100), layer("b", 9216, 200), layer("c", 40960, 100)]
    mapping = {"a": one("int8"), "b": one("int4"), "c": one("int2")}
    found = compress(layers, mapping, standard_formats())
    assert found.ratio == pytest.approx(32 * 50608 / (432 * 8 + 9216 * 4 + 40960 * 2))
    assert found.after == 432 + 4608 + 10240
    document = found.as_document()
    assert list(document["histogram"]) == ["int8", "int4", "int2"]
    assert document["histogram"]["int4"]["mac_share"] == 0.5
    assert document["histogram"]["int8"]["layer_share"] == pytest.approx(1 / 3)
    assert sum(line["weight_share"] for line in document["histogram"].values()) == pytest.approx(1.0)


def test_two_cores_count_with_their_shares() -> None:
    choice = Choice((Precision("int8", "int8"), Precision("int4", "int4")), 0.25)
    found = compress([layer("a", 1000)], {"a": choice}, standard_formats())
    assert found.ratio == pytest.approx(32 / 5)
    assert found.histogram["int4"].weights == 750


@pytest.mark.parametrize(("tied", "weights"), [(False, 2 * 4 * 4 * 9), (True, 4 * 4 * 9)])
def test_a_weight_that_two_layers_have_is_counted_once(tied: bool, weights: int) -> None:
    assert sum(item.weights for item in layers_of(residual_block(tied=tied))) == weights


@given(st.lists(st.tuples(st.integers(1, 10_000), st.sampled_from(list(BITS))), min_size=1, max_size=8))
def test_the_ratio_lies_between_that_of_the_widest_and_of_the_narrowest(drawn: list[tuple[int, str]]) -> None:
    layers = [layer(f"layer{index}", weights) for index, (weights, _) in enumerate(drawn)]
    mapping = {f"layer{index}": one(name) for index, (_, name) in enumerate(drawn)}
    widths = [BITS[name] for _, name in drawn]
    found = compress(layers, mapping, standard_formats())
    assert 32 / max(widths) * (1 - 1e-9) <= found.ratio <= 32 / min(widths) * (1 + 1e-9)
    assert sum(share.layers for share in found.histogram.values()) == len(drawn)
