"""The names under which recipes ask for schedules."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, cast

from attrs import NOTHING, fields_dict

from nadoo_core.formulas.errors import FormulaError
from nadoo_core.formulas.parameters import problem
from nadoo_core.formulas.schedules.adjusted import CyclicRate, LinearWarmup, RateAt, TwoStep
from nadoo_core.formulas.schedules.basic import ConstantRate, CosineRate, Schedule, StepRate, WarmRestarts
from nadoo_graphs.errors import Code, Problem


def schedules() -> Mapping[str, type[Schedule]]:
    """Every schedule of the core by its name in a recipe.

    Law: each is a frozen class whose fields are its options.
    """
    table: dict[str, type[Schedule]] = {
        "constant": ConstantRate,
        "cosine": CosineRate,
        "cyclic": CyclicRate,
        "linear_warmup": LinearWarmup,
        "set_lr_at": RateAt,
        "step": StepRate,
        "two_step": TwoStep,
        "warm_restarts": WarmRestarts,
    }
    return MappingProxyType(table)


def make_schedule(name: str, initial: float, epochs: int, options: Mapping[str, object] | None = None) -> Schedule:
    """A schedule by name, given what every training knows, the first rate and the epochs, and its own options.

    Law: equal to the class called with the same fields. A schedule that changes another one takes its `base` as a
    schedule, a name, or a table with a name and options, and changes a cosine if it is given none.
    """
    chosen = dict(options or {})
    require_known(name, "schedule", schedules())
    kind = schedules()[name]
    fields = fields_dict(cast(type[Any], kind))
    refuse_unknown_options(name, chosen, tuple(fields))
    given: dict[str, object] = {"initial": initial, "epochs": epochs, "base": "cosine", **chosen}
    if "base" in fields:
        given["base"] = base_schedule(given["base"], initial, epochs)
    missing = [key for key, field in fields.items() if field.default is NOTHING and key not in given]
    if missing:
        raise FormulaError(Problem(Code.SCHEMA, name, f"needs {', '.join(missing)}; give a value for each"))
    arguments = {key: value for key, value in given.items() if key in fields}
    return cast(Callable[..., Schedule], kind)(**arguments)


def base_schedule(base: object, initial: float, epochs: int) -> Schedule:
    """The schedule that another one changes, in any of the forms in which it may be named.

    Law: a schedule is itself; a name and a table with only that name give the same schedule.
    """
    if isinstance(base, str):
        return make_schedule(base, initial, epochs)
    if isinstance(base, Mapping):
        options = dict(cast(Mapping[str, object], base))
        return make_schedule(str(options.pop("name", "")), initial, epochs, options)
    if isinstance(base, Schedule):
        return base
    raise FormulaError(problem("base", base, "a schedule, the name of one, or a table with its name and options"))


def refuse_unknown_options(name: str, options: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Name every option that a schedule does not have, all at once."""
    problems = [unknown(f"{name}.{key}", key, known) for key in options if key not in known]
    if problems:
        raise FormulaError(problems)


def require_known(name: str, noun: str, known: Mapping[str, object]) -> None:
    """Refuse a name that a table does not hold."""
    if name not in known:
        raise FormulaError(unknown(noun, name, tuple(known)))


def unknown(where: str, name: str, known: tuple[str, ...]) -> Problem:
    """A name that was not found, with the nearest right spelling and all that are."""
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return Problem(Code.UNKNOWN, where, f"{name!r} is not known; {hint}give one of {', '.join(known)}")
