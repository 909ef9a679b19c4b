"""Pass: one transformation of a graph, written as a frozen attrs class whose fields are its options."""

import inspect
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, cast, final

from attrs import frozen

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.options import Options
from nadoo_core.options.fields import reserved_problems
from nadoo_core.passes.context import Context
from nadoo_core.passes.effects import Effect, Unbounded
from nadoo_core.passes.properties import Property
from nadoo_core.passes.record import PassResult

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

RECIPE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
OWN_NAMES = ("apply", "run", "effect", "promise", "needs", "establishes", "breaks", "complaints")


@frozen(kw_only=True)
class Pass(Options, ABC):
    """The base of every pass. The author says what it is in class attributes and writes `apply`; `run` is final."""

    name: ClassVar[str] = ""
    """What recipes call it, the verb first: "fold-batch-norm"."""
    effect: ClassVar[Effect] = Unbounded()
    """What it promises about results: Exact(), Approximate(bound) or Unbounded()."""
    needs: ClassVar[tuple[Property, ...]] = ()
    """Properties that a graph must have for it."""
    establishes: ClassVar[tuple[Property, ...]] = ()
    """Properties that a graph has after it."""
    breaks: ClassVar[tuple[Property, ...]] = ()
    """Historical properties that a graph has no more after it."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        problems = [*reserved_problems(cls), *class_problems(cls)]
        if problems:
            raise PassError(problems)

    @abstractmethod
    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Change the graph, which is a copy, through its methods; tell the context of nodes that are left alone."""

    @final
    def run(self, graph: "ModelGraph", context: Context | None = None) -> PassResult:
        """Apply the pass to a copy, check everything it promises, and give the copy with a record.

        A script that needs neither data nor another seed may leave the context out.
        """
        from nadoo_core.passes.running import run_pass

        return run_pass(self, graph, context or Context.standalone(step=self.name))

    def promise(self) -> Effect:
        """The effect with these options; a pass that is exact only for some of them says so here."""
        return self.effect

    @property
    def option_place(self) -> str:
        """How messages name the pass."""
        return self.name


def class_problems(cls: type[Pass]) -> list[Problem]:
    """What the author of a pass has to change before anybody can use it."""
    own, where = cls.__dict__, f"class {cls.__qualname__}"
    name, effect = cast(object, cls.name), cast(object, cls.effect)
    found: list[str] = []
    if "run" in own:
        found.append("overrides run, which checks what a pass promises; write apply instead")
    if "name" in own and not (isinstance(name, str) and RECIPE_NAME.fullmatch(name)):
        found.append(f"is named {name!r}; give small letters, digits and hyphens, such as 'fold-batch-norm'")
    if not isinstance(effect, Effect):
        found.append(f"has the effect {effect!r}; give Exact(), Approximate(bound) or Unbounded()")
    for kind in ("needs", "establishes", "breaks"):
        if not all(isinstance(item, Property) for item in tuple(getattr(cls, kind))):
            found.append(f"has {kind} = {getattr(cls, kind)!r}; give a tuple of Property values")
    taken = sorted(option_names(cls) & {*OWN_NAMES})
    found += [f"has an option {item!r}, which a pass has already; rename it" for item in taken]
    return [Problem(CoreCode.PASS, where, message) for message in found]


def option_names(cls: type[Pass]) -> set[str]:
    """The names that a class annotates as fields of its own."""
    return {name for name, kind in inspect.get_annotations(cls).items() if "ClassVar" not in str(kind)}
