"""The operators that a file may name: every one keeps the rules, and the dangerous ones are not there."""

from typing import Any

import pytest
import torch

from nadoo_graphs.ops.structure import find_overload
from nadoo_graphs.saving.allow_list import allowed_operators
from tests.graphs.saving.operator_rules import complaint

DANGEROUS = (
    "aten.from_file.default",
    "aten.set_.source_Storage",
    "aten.set.source_Tensor",
    "aten.resize_.default",
    "aten.add_.Tensor",
    "aten.add.out",
    "aten.bernoulli.default",
    "aten.rand.default",
    "aten.empty.memory_format",
    "aten.item.default",
    "aten.record_stream.default",
    "aten.mkldnn_convolution.default",
    "aten.cudnn_convolution.default",
    "aten.quantize_per_tensor.default",
    "aten._cudnn_rnn.default",
    "aten._test_warn_in_autograd.default",
    "aten.native_batch_norm.default",
    "aten.segment_reduce.default",
    "prim.device.default",
    "debugprims.load_tensor.default",
)


def schema_of(name: str) -> Any:
    """The schema of an operator of this torch; None if it has no such operator."""
    try:
        return find_overload(name)._schema
    except (AttributeError, ValueError):
        return None


def test_every_operator_of_the_list_keeps_the_rules() -> None:
    schemas = {name: schema_of(name) for name in sorted(allowed_operators())}
    broken = {name: complaint(name, schema) for name, schema in schemas.items() if schema}
    assert {name: reason for name, reason in broken.items() if reason} == {}
    assert len(broken) > 800


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_dangerous_operator_is_not_on_the_list(name: str) -> None:
    assert name not in allowed_operators()


@pytest.mark.parametrize("name", [name for name in DANGEROUS if name.startswith("aten.")])
def test_the_rules_find_dangerous_operators(name: str) -> None:
    schema = schema_of(name)
    assert schema is not None
    assert complaint(name, schema)


@pytest.mark.parametrize(
    "name", ["aten.sort.default", "aten.topk.default", "aten._to_copy.default", "aten.einsum.default"]
)
def test_what_captured_models_contain_is_on_the_list(name: str) -> None:
    assert name in allowed_operators()


def test_the_list_is_sorted_and_names_each_operator_once() -> None:
    from importlib.resources import files

    lines = files("nadoo_graphs.saving").joinpath("allowed_operators.txt").read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    assert set(lines) == allowed_operators()


def test_a_listed_operator_runs() -> None:
    values, order = find_overload("aten.sort.default")(torch.tensor([2.0, 1.0]))
    assert values.tolist() == [1.0, 2.0]
    assert order.tolist() == [1, 0]
