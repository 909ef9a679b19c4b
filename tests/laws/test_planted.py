"""Each law catches the pass that was written to break it; a law that catches nobody would be no law."""

import pytest

from nadoo_core.passes import Pass
from nadoo_core.testing import LAWS, LawError, check_pass, sample_graphs
from tests.laws.planted import BREAKERS, Obedient


@pytest.mark.parametrize(("law", "breaker"), BREAKERS, ids=lambda item: getattr(item, "name", item))
def test_the_law_catches_who_breaks_it(law: str, breaker: type[Pass]) -> None:
    found = LAWS[law](breaker(), sample_graphs()["network"])
    assert found is not None
    assert found.law == law


def test_every_law_has_somebody_who_breaks_it() -> None:
    assert {law for law, _ in BREAKERS} == set(LAWS)


@pytest.mark.parametrize("law", LAWS)
def test_the_law_says_nothing_of_who_keeps_it(law: str) -> None:
    for graph in sample_graphs().values():
        assert LAWS[law](Obedient(), graph) is None


@pytest.mark.parametrize(("law", "breaker"), BREAKERS, ids=lambda item: getattr(item, "name", item))
def test_a_check_of_the_pass_names_the_law_the_options_and_the_graph(law: str, breaker: type[Pass]) -> None:
    item = check_pass(breaker, examples=1)
    assert item.state == "broken"
    assert not item.ok
    (problem, *_) = [text for text in item.problems if text.startswith(f"{law}:")]
    assert breaker.__name__ in problem
    assert "nodes" in problem


def test_a_broken_pass_fails_the_test_that_requires_it_to_hold() -> None:
    breaker = dict(BREAKERS)["border kept"]
    with pytest.raises(LawError, match="border kept"):
        check_pass(breaker, examples=1).require()


def test_who_keeps_all_laws_passes_the_check() -> None:
    item = check_pass(Obedient)
    assert item.ok, item.text()
    item.require()
