"""Orders that follow from a seed, and draws that keep the shares of classes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.data.order import derived_seed, hashed_order, shares, stratified

labels = st.lists(st.integers(0, 4), min_size=1, max_size=60)


@given(st.integers(0, 200), st.integers(0, 2**31))
def test_an_order_is_a_permutation(count: int, seed: int) -> None:
    """Every number below the count appears once."""
    assert sorted(hashed_order(count, seed, "test")) == list(range(count))


def test_an_order_never_changes() -> None:
    assert hashed_order(8, 0, "roles") == [4, 7, 3, 0, 2, 1, 6, 5]
    assert derived_seed("a", 1) == 4294491576641134471


@given(st.integers(1, 100), st.integers(0, 9))
def test_more_examples_keep_the_order_of_those_before(count: int, more: int) -> None:
    """The order of n + m numbers, without the m new ones, is the order of n."""
    longer = [index for index in hashed_order(count + more, 1, "x") if index < count]
    assert longer == hashed_order(count, 1, "x")


@given(labels, st.data())
def test_a_stratified_draw_is_exact_and_fair(kinds: list[int], data: st.DataObject) -> None:
    """The parts are disjoint and complete; the count is exact; a class is within one of its share."""
    count = data.draw(st.integers(0, len(kinds)))
    order = hashed_order(len(kinds), 0, "x")
    chosen, rest = stratified(order, kinds, count)
    assert len(chosen) == count and sorted([*chosen, *rest]) == list(range(len(kinds)))
    drawn, sizes = Counter(kinds[index] for index in chosen), Counter(kinds)
    assert all(abs(drawn[kind] - count * size / len(kinds)) < 1 for kind, size in sizes.items())


@given(st.dictionaries(st.integers(0, 9), st.integers(1, 50), min_size=1), st.data())
def test_shares_sum_to_the_count(sizes: dict[int, int], data: st.DataObject) -> None:
    """Nothing is lost to rounding, and no group gives more than it has."""
    count = data.draw(st.integers(0, sum(sizes.values())))
    found = shares(sizes, count)
    assert sum(found.values()) == count and all(found[group] <= sizes[group] for group in sizes)


def test_seeds_differ_by_every_part() -> None:
    seeds = {derived_seed("step", 0, 0, 1), derived_seed("step", 0, 1, 0), derived_seed("order", 0, 0, 1)}
    assert len(seeds) == 3 and all(0 <= seed < 2**63 for seed in seeds)
