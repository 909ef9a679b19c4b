"""Pass: one transformation of a graph, written as a frozen attrs class whose fields are its options."""

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, final

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

    def __attrs_post_init__(self) -> None:
        if "__attrs_attrs__" not in type(self).__dict__:
            message = "is not an attrs class, so its options are none; decorate it with @attrs.frozen(kw_only=True)"
            raise PassError(Problem(CoreCode.PASS, f"class {type(self).__qualname__}", message))
        Options.__attrs_post_init__(self)

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
    found: list[str] = []
    if "run" in own:
        found.append("overrides run, which checks what a pass promises; write apply instead")
    if "name" in own and not (isinstance(cls.name, str) and RECIPE_NAME.fullmatch(cls.name)):
        found.append(f"is named {cls.name!r}; give small letters, digits and hyphens, such as 'fold-batch-norm'")
    if not isinstance(cls.effect, Effect):
        found.append(f"has the effect {cls.effect!r}; give Exact(), Approximate(bound) or Unbounded()")
    for name in ("needs", "establishes", "breaks"):
        if not all(isinstance(item, Property) for item in tuple(getattr(cls, name))):
            found.append(f"has {name} = {getattr(cls, name)!r}; give a tuple of Property values")
    found += [
        f"has an option {name!r}, which a pass has already; rename it" for name in option_names(cls) & {*OWN_NAMES}
    ]
    return [Problem(CoreCode.PASS, where, message) for message in found]


def option_names(cls: type[Pass]) -> set[str]:
    """The names that a class annotates as fields of its own."""
    annotations: dict[str, Any] = cls.__dict__.get("__annotations__", {})
    return {name for name, kind in annotations.items() if "ClassVar" not in str(kind)}
