"""Options that are made in Python are checked like those of a recipe."""

import pytest
from attrs import exceptions, frozen

from nadoo_core.errors import OptionError
from nadoo_core.options import Options, Share, option, structure


@frozen(kw_only=True)
class Cut(Options):
    """How much to cut."""

    share: Share = option(default=0.5, help="how much")
    steps: int = option(default=1, minimum=1, help="in how many steps")

    def complaints(self) -> list[str]:
        return ["a share of 0 needs no steps"] if self.share == 0 and self.steps > 1 else []


def test_short_forms_are_accepted_in_python_too() -> None:
    assert Cut(share="5 %").share == 0.05  # type: ignore[arg-type]
    assert type(Cut(share=1).share) is float


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        Cut(share=2, steps=0)
    assert [problem.where for problem in caught.value.problems] == ["Cut.share", "Cut.steps"]


def test_rules_over_several_options_hold_in_python_and_in_recipes() -> None:
    with pytest.raises(OptionError, match="N01 Cut: a share of 0 needs no steps"):
        Cut(share=0, steps=2)
    with pytest.raises(OptionError, match="N01 step 'cut': a share of 0 needs no steps"):
        structure(Cut, {"share": 0, "steps": 2}, "step 'cut'")


def test_options_cannot_be_changed() -> None:
    with pytest.raises(exceptions.FrozenInstanceError):
        Cut().share = 0.1  # type: ignore[misc]


def test_a_class_that_forgot_its_decorator_is_told_so() -> None:
    class Forgotten(Options):
        share: float = option(default=1.0, help="how much")

    with pytest.raises(OptionError, match=r"decorate it with @attrs.frozen\(kw_only=True\)"):
        Forgotten()


def test_a_class_cannot_take_the_check_away() -> None:
    with pytest.raises(OptionError, match="define complaints"):

        class Unchecked(Options):
            def __attrs_post_init__(self) -> None:
                """Nothing is checked any more."""
