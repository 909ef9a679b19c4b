"""What the code of kernels is made of: loops that are short become straight code, equal values are computed once."""

import pytest

from nadoo_c.zero_skipping.rows import FORMATS
from nadoo_core.cost.terms import PRINTED_TERMS
from nadoo_graphs.lowered import Kernel, Kind
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, both, i32, i64, select
from nadoo_graphs.lowered.program import Slice
from nadoo_graphs.lowered.sizing import footprint
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store
from nadoo_hardware.estimators.program_terms import LISTED_BITS, is_listed, kernel_terms, listed_terms, printed_terms
from nadoo_hardware.estimators.unrolled import unrolled
from tests.graphs.ops.quantized.samples import Grower

ROLES = {name: Slice(name, 0, 4096) for name in ("x", "w", "y")}
K, OUTPUT, TOTAL = Name("k"), Name("o"), Name("total")


def kernel(*body: Statement) -> Kernel:
    """A kernel that reads x and w, and writes y."""
    return Kernel("run", "add", "", ROLES, body)


def loop(variable: str, turns: int, *body: Statement) -> For:
    return For(variable, i32(0), i32(turns), body)


def read(role: str, index: Expression, memory: Kind = Kind.I8) -> Load:
    return Load(role, index, memory)


def store(index: Expression, value: Expression) -> Store:
    return Store("y", index, value, Kind.I32)


def layer(outputs: int, features: int) -> Kernel:
    """A linear layer."""
    product = read("x", K) * read("w", OUTPUT * features + K)
    sums = loop("k", features, Assign("total", TOTAL + product))
    return kernel(loop("o", outputs, Let("total", i32(0)), sums, store(OUTPUT, TOTAL)))


def test_a_short_loop_becomes_straight_code() -> None:
    assert unrolled(kernel(loop("k", 4, store(K, read("x", K))))) == {"loads": 4, "stores": 4}


def test_a_long_loop_of_plain_sums_becomes_copies_that_divide_its_turns() -> None:
    """What stands in the copies is told apart, as compilers copy bodies for some cores and not for others."""
    found = unrolled(layer(64, 140))
    assert (found["products"], found["copied.products"]) == (1, 27)
    assert (found["loads"], found["copied.loads"]) == (2, 54)
    assert found["loops"] == 2
    assert found["stores"] == 1


def test_turns_without_a_divisor_make_four_copies() -> None:
    assert unrolled(layer(64, 73))["copied.products"] == 3


def test_a_loop_around_a_loop_that_is_left_is_not_copied() -> None:
    found = unrolled(layer(10, 1000))
    assert (found["stores"], found["copied.stores"]) == (1, 0)


def test_a_loop_with_a_condition_is_not_copied() -> None:
    held = If(read("x", K) > i32(0), (store(K, i32(1)),))
    found = unrolled(kernel(loop("k", 128, held)))
    assert found == {"loops": 1, "conditions": 2, "loads": 1, "stores": 1, "addresses": 2}


def test_conditions_that_are_known_are_no_code_and_neither_is_what_never_runs() -> None:
    always, never = both(K >= 0, K < 128), K >= 128
    found = unrolled(kernel(loop("k", 128, If(always, (store(K, i32(1)),)), If(never, (store(K, i32(2)),)))))
    assert "conditions" not in found
    assert found["stores"] == unrolled(kernel(loop("k", 128, store(K, i32(1)))))["stores"]


def test_margins_are_gone_where_turns_are_straight_code() -> None:
    inside = both(K >= 1, K < 3)
    assert unrolled(kernel(loop("k", 4, If(inside, (store(K, read("x", K)),))))) == {"loads": 2, "stores": 2}


def test_a_value_that_is_read_twice_is_read_once_unless_it_may_have_changed() -> None:
    twice = unrolled(kernel(store(i32(0), read("x", i32(7)) * read("x", i32(7)))))
    assert twice["loads"] == 1
    changed = unrolled(kernel(store(i32(0), read("y", i32(7))), store(i32(1), read("y", i32(7)))))
    assert changed["loads"] == 2


def test_what_does_not_hang_on_the_turn_is_not_copied() -> None:
    found = unrolled(kernel(loop("k", 128, store(K, read("x", i32(0)) * read("w", K)))))
    assert found["loads"] == 1 + found["products"]
    assert found["copied.loads"] == found["copied.products"] > 0


def test_operators_count_as_what_they_are_in_code() -> None:
    x = read("x", i32(0))
    wide = (x.to(Kind.I64) * i64(3)).to(Kind.I32)
    chosen = select(x > i32(1), x, 2).clamped(0, 9)
    found = unrolled(kernel(store(i32(0), wide), store(i32(1), chosen), store(i32(2), x & 3)))
    assert found == {"loads": 1, "wide": 3, "selects": 3, "conditions": 1, "bits": 1, "stores": 3}


def test_functions_that_rescale_are_told_from_others() -> None:
    calls = [store(i32(0), Call(name, (read("x", i32(0)),), Kind.I32)) for name in ("nadoo_scale_double", "nadoo_exp")]
    found = unrolled(kernel(*calls))
    assert (found["rescale"], found["calls"]) == (1, 1)


def test_a_loop_without_turns_is_no_code() -> None:
    assert not unrolled(kernel(loop("k", 0, store(K, i32(1)))))


@pytest.mark.parametrize("seed", range(4))
def test_terms_of_programs_are_those_that_calibrations_may_have(seed: int) -> None:
    grower = Grower(seed)
    grower.finish(grower.linear(grower.flat(grower.convolution(grower.input(2, 6, 6)))))
    program = footprint(grower.graph).program
    terms = printed_terms(program)
    assert terms.keys() <= PRINTED_TERMS.keys()
    assert terms["runs"] == terms["kernels"] == len(program.kernels)
    parts = [kernel_terms(one) for one in program.kernels]
    assert terms["loads"] == sum(part.get("loads", 0) for part in parts)


def test_the_layers_that_skip_zeros_are_those_of_the_exporter() -> None:
    bits = {"FOUR_BIT_LAYERS": 4, "TWO_BIT_LAYERS": 2}
    assert {name: bits[row] for row, names in FORMATS.items() for name in names} == LISTED_BITS


@pytest.mark.parametrize(("outputs", "features", "listed"), [(10, 64, True), (3, 64, False), (10, 2048, False)])
def test_a_layer_that_skips_zeros_takes_whole_groups_of_outputs(outputs: int, features: int, listed: bool) -> None:
    facts = {"outputs": outputs, "features": features}
    given = Kernel("run", "quantized_linear", "int4", ROLES, (store(i32(0), read("x", i32(0))),), facts)
    assert is_listed(given) is listed
    assert listed_terms(given)["listed.bytes"] == (-outputs % 8) * features // 2 + 4 * outputs
    assert not is_listed(Kernel("run", "quantized_linear", "int8", ROLES, (), facts))
