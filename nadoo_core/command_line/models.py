"""MODEL on the command line: a saved graph, a run, a file that an importer reads, a name, or module:function."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, NadooError, Problem, RecipeError
from nadoo_core.options import did_you_mean, structure_value

if TYPE_CHECKING:
    from nadoo_core.recipe.sections import InputSection, ModelSection
    from nadoo_graphs.graph import ModelGraph

GRAPH_FILE = "graph.json"
RUN_GRAPH = "graph"
INPUT_FORM = re.compile(r"(?P<sizes>\d+([,x]\d+)*)(:(?P<dtype>\w+))?")
WHERE = "MODEL"


def input_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option that says what a module is captured with."""
    help_text = "Sizes of an input that a module is captured with, batch first, such as 1,3,32,32 or 1,16:int64."
    return click.option("--input", "inputs", multiple=True, metavar="SIZES", help=help_text)(function)


def load_model(text: str, session: Session, inputs: Sequence[str] = ()) -> "ModelGraph":
    """The graph that MODEL means."""
    path = Path(text)
    if path.is_dir():
        return load_folder(path, session)
    if path.is_file():
        return load_file(path, session)
    if ":" in text or text in session.registry().names("models"):
        return made_graph(text, session, inputs)
    raise RecipeError(Problem(CoreCode.UNKNOWN_NAME, f"{WHERE} {text!r}", unknown_model(session)))


def unknown_model(session: Session) -> str:
    """What could have been given."""
    models = ", ".join(session.registry().names("models")) or "none"
    return (
        "is not there; give the folder of a saved graph or of a run, a file, package.module:function, "
        f"or a model that a plugin offers by name ({models})"
    )


def load_folder(path: Path, session: Session) -> "ModelGraph":
    """A saved graph, or the result of a run; its operators may come from plugins."""
    from nadoo_core.registry import ops_of
    from nadoo_graphs.saving import load

    for folder in (path / RUN_GRAPH, path):
        if (folder / GRAPH_FILE).is_file():
            return load(folder, ops=ops_of(session.registry()))
    message = f"holds no {GRAPH_FILE}, and so no saved graph; give a folder that graph.save or a run wrote"
    raise RecipeError(Problem(CoreCode.RECIPE, f"{WHERE} {str(path)!r}", message))


def load_file(path: Path, session: Session) -> "ModelGraph":
    """The graph of a file: ours, or one for which a plugin has an importer."""
    if path.name == GRAPH_FILE:
        return load_folder(path.parent, session)
    registry, suffix = session.registry(), path.suffix.removeprefix(".")
    if suffix in registry.names("importers"):
        graph: ModelGraph = registry.load("importers", suffix)(path)
        return graph
    known = [GRAPH_FILE, *(f".{name}" for name in registry.names("importers"))]
    python = f"; for a module that it makes, give {path}:FUNCTION" if path.suffix == ".py" else ""
    message = f"is a file that no plugin in use reads; {did_you_mean(path.suffix or path.name, known)}{python}"
    raise RecipeError(Problem(CoreCode.RECIPE, f"{WHERE} {str(path)!r}", message))


def made_graph(text: str, session: Session, inputs: Sequence[str]) -> "ModelGraph":
    """The graph of what a function makes; the function runs only if it is installed, or trusted."""
    from nadoo_core.recipe import Recipe, require_trust
    from nadoo_core.recipe.sections import ModelSection

    shapes = read_inputs(inputs)
    section = ModelSection(python=text, inputs=shapes)
    require_trust(Recipe(name=text, model=section), session.trust)

    from nadoo_core.runs.origin import made_by_function

    return captured(made_by_function(section, 0, session.registry()), section, text, session)


def captured(made: Any, section: "ModelSection", text: str, session: Session) -> "ModelGraph":
    """A graph as it is, a module captured with the inputs that were given."""
    from torch.nn import Module

    from nadoo_core.registry import ops_of
    from nadoo_core.runs.origin import declared_inputs
    from nadoo_graphs.capture import capture
    from nadoo_graphs.graph import ModelGraph

    if isinstance(made, ModelGraph):
        return made
    where = f"{WHERE} {text!r}"
    if not isinstance(made, Module):
        message = f"gives {type(made).__name__}; name a function that gives a torch module or a ModelGraph"
        raise RecipeError(Problem(CoreCode.RECIPE, where, message))
    if not section.inputs:
        message = "is a module, which is captured by running it; say with what: --input 1,3,32,32"
        raise RecipeError(Problem(CoreCode.MISSING_KEY, where, message))
    return capture(made.eval(), declared_inputs(section, 0), ops=ops_of(session.registry()))


def read_inputs(texts: Sequence[str]) -> "tuple[InputSection, ...]":
    """Sizes such as 1,3,32,32 with an optional dtype; all that cannot be read are named at once."""
    problems: list[Problem] = []
    found: list[InputSection] = []
    for text in texts:
        try:
            found.append(read_input(text))
        except NadooError as error:
            problems.extend(error.problems)
    if problems:
        raise RecipeError(problems)
    return tuple(found)


def read_input(text: str) -> "InputSection":
    """One input."""
    from nadoo_core.recipe.sections import InputSection

    match = INPUT_FORM.fullmatch(text)
    if match is None:
        message = f"is {text!r}; give sizes separated by commas, batch first, such as 1,3,32,32 or 1,16:int64"
        raise RecipeError(Problem(CoreCode.OPTION, "--input", message))
    table = {"shape": [int(size) for size in re.split("[,x]", match["sizes"])], "dtype": match["dtype"] or "float32"}
    section: InputSection = structure_value(InputSection, table, "--input")
    return section
