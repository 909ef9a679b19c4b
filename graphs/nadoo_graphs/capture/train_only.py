"""What a model does only in training and an evaluation capture therefore cannot keep, found by reading its source."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from torch import nn

from nadoo_graphs.capture.model_tensors import modules_of

KEPT_CALLS = (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
    "batch_norm",
    "rrelu",
)


def train_only(model: nn.Module, kept_attention: frozenset[str]) -> tuple[str, ...]:
    """One line for each place; `kept_attention` names the attention modules whose dropout was kept."""
    found: list[str] = []
    seen: dict[type[nn.Module], list[str]] = {}
    for path, module in modules_of(model).items():
        kind: type[nn.Module] = type(module)
        if is_torch(kind):
            found.extend(torch_remarks(path, module, kept_attention))
            continue
        if kind not in seen:
            seen[kind] = reads_of_training(kind) if mentions_training(kind) else []
        where = f"module {path!r}" if path else "the model itself"
        if kind.train is not nn.Module.train:
            found.append(
                f"{where} ({kind.__name__}) overrides train(); the graph's module follows plain train() and eval()"
            )
        found.extend(
            f"{where} ({kind.__name__}) reads self.training at {line}; what it does in training is not in the graph"
            for line in seen[kind]
        )
    return tuple(found)


def is_torch(kind: type[nn.Module]) -> bool:
    """Whether torch, or the module that a graph generates, wrote a module's class: the tables know these."""
    return kind.__module__.startswith(("torch.", "nadoo_graphs."))


def torch_remarks(path: str, module: nn.Module, kept_attention: frozenset[str]) -> Iterator[str]:
    """Modules of torch whose training behaviour has no row."""
    if isinstance(module, nn.MultiheadAttention) and module.dropout and path not in kept_attention:
        yield (
            f"module {path!r} (MultiheadAttention) drops attention weights with p={module.dropout} in training, which "
            "is not in the graph; call it with need_weights=False to keep it"
        )
    if isinstance(module, nn.FractionalMaxPool2d | nn.FractionalMaxPool3d):
        yield f"module {path!r} ({type(module).__name__}) is random in training, which is not in the graph"


def mentions_training(kind: type[nn.Module]) -> bool:
    """Whether the compiled methods of a class name it at all; most do not, and reading source is slow."""
    functions = [
        getattr(value, "__code__", None) for base in kind.__mro__ if not is_torch(base) for value in vars(base).values()
    ]
    waiting = [code for code in functions if isinstance(code, CodeType)]
    while waiting:
        code = waiting.pop()
        if "training" in code.co_names:
            return True
        waiting.extend(item for item in code.co_consts if isinstance(item, CodeType))
    return False


def reads_of_training(kind: type[nn.Module]) -> list[str]:
    """The lines of a class that read self.training for anything but a function whose row follows the mode itself."""
    try:
        lines, start = inspect.getsourcelines(kind)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return []
    harmless = {id(part) for call in ast.walk(tree) if is_kept(call) for part in ast.walk(call)}
    file = Path(inspect.getsourcefile(kind) or "").name
    reads = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in harmless]
    numbers = {node.lineno + start - 1 for node in reads if is_training(node)}
    return [f"{file}:{number}" for number in sorted(numbers)]


def is_training(node: ast.Attribute) -> bool:
    """Whether an attribute in the source is self.training, read."""
    return (
        node.attr == "training"
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def is_kept(node: ast.AST) -> bool:
    """Whether a piece of source calls a function whose row distinguishes training from evaluation."""
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in KEPT_CALLS
