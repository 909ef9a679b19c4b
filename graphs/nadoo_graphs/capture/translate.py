"""From torch's exported program to drafts of nodes: every ATen call becomes a row's call, or stays opaque."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import torch
from attrs import field, frozen
from torch import fx, nn

from nadoo_graphs.capture.drafts import Draft, Place
from nadoo_graphs.capture.importers.importer import (
    Argument,
    AtenCall,
    Imported,
    Importer,
    Tensorial,
    TensorName,
)
from nadoo_graphs.capture.model_tensors import modules_of
from nadoo_graphs.capture.owners import restored
from nadoo_graphs.capture.torch_export import SizeReader, is_user_file
from nadoo_graphs.errors import CaptureError, Code, GraphError, Problem
from nadoo_graphs.nesting import parts_of
from nadoo_graphs.node import INPUT, TENSOR
from nadoo_graphs.ops import Call, OpTable
from nadoo_graphs.sizes import Size, Symbolic, bind, symbols_of
from nadoo_graphs.tensors import dtype_name
from nadoo_graphs.torch_private import OpOverload, functional_overload, schema_of
from nadoo_graphs.values import Value, ValueType

Result: TypeAlias = Any
SKIPPED = (
    "aten._assert_scalar.default",
    "aten._assert_tensor_metadata.default",
    "aten._assert_async.msg",
    "aten.sym_constrain_range.default",
    "aten.sym_constrain_range_for_size.default",
)
PASSED = (
    "aten.lift_fresh_copy.default",
    "aten.lift_fresh.default",
    "aten.detach_.default",
    "aten.detach.default",
    "aten.alias.default",
)
WAYS_OUT = {
    "cond": "compute both sides and choose with torch.where",
    "while_loop": "write a loop of a fixed number of rounds",
    "wrap_with_autocast": "call the captured module inside autocast instead, or convert with .to(dtype)",
}
PROBES = (2, 3, 5, 7, 16, 31)
FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@frozen
class Source:
    """What the translation reads: the model, its tensors by name and type, the tables."""

    model: nn.Module
    tensors: Mapping[str, ValueType]
    holders: Mapping[str, str]
    ops: OpTable
    importers: Mapping[str, Importer]
    leaves: set[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        modules = modules_of(self.model)
        leaves = {path for path, module in modules.items() if not dict(module.named_children())}
        object.__setattr__(self, "leaves", leaves)


class Translator:
    """One translation: the drafts so far, and what each fx node has become."""

    def __init__(self, source: Source, sizes: SizeReader) -> None:
        self.source = source
        self.sizes = sizes
        self.drafts: list[Draft] = []
        self.results: dict[fx.Node, Result] = {}
        self.tensor_drafts: dict[str, Value] = {}
        self.opaque: list[str] = []
        self.kept_attention: set[str] = set()

    # --- the border ---------------------------------------------------------------------------------------------------

    def add_input(self, node: fx.Node, name: str) -> None:
        """An input draft for a placeholder of the user."""
        draft = Draft(INPUT, (), {}, {}, (self.type_of_fake(node.meta["val"]),), Place(), fixed_name=name, keep=True)
        self.results[node] = self.append(draft)[0]

    def add_write(self, target: str, node: fx.Node) -> None:
        """A write of a value into a buffer, as the program ends with."""
        value = self.as_value(self.results[node])
        name = self.source.holders[target]
        self.append(
            Draft(
                "write",
                (value,),
                {},
                {"target": name},
                (),
                Place(module=target.rpartition(".")[0]),
                effect=True,
            )
        )

    def append(self, draft: Draft) -> tuple[Value, ...]:
        """Take a draft in, and give its outputs."""
        self.drafts.append(draft)
        return tuple(Value(str(len(self.drafts) - 1), index) for index in range(max(1, len(draft.outputs))))

    # --- calls --------------------------------------------------------------------------------------------------------

    def translate(self, node: fx.Node) -> None:
        """What one fx node becomes."""
        self.results[node] = self.translated(node, node.meta.get("val"), getattr(node.target, "__name__", ""))

    def translated(self, node: fx.Node, value: Any, name: str) -> Result:
        """A size, one output of several, a block or a call; tests of truth values only guard the program."""
        if isinstance(value, torch.SymBool | bool) or str(node.target) in SKIPPED:
            return None
        if isinstance(value, torch.SymInt | int):
            return self.read_size(node, value)
        if isinstance(value, torch.SymFloat | float):
            raise CaptureError(
                self.problem(node, "computes with a single number; keep it a tensor, or make it a constant")
            )
        if name == "getitem":
            return self.item(node)
        if name == "wrap_with_set_grad_enabled":
            return self.inline(node)
        if isinstance(node.target, OpOverload):
            return self.call(node)
        way_out = WAYS_OUT.get(name, "write it with plain torch operators")
        raise CaptureError(self.problem(node, f"uses {name}, which no graph can hold; {way_out}"))

    def item(self, node: fx.Node) -> Result:
        """One output of several; those that nobody reads may not be part of the row."""
        source, index = cast("tuple[fx.Node, int]", node.args)
        results = self.results[source]
        return results[index] if index < len(results) else None

    def read_size(self, node: fx.Node, value: Any) -> Size:
        """A size; one that was read out of a tensor's content has no place in a graph."""
        if "_local_scalar_dense" in str(node.target) or ".item." in str(node.target):
            raise CaptureError(
                self.problem(node, "reads a number out of a tensor; keep it a tensor, or compute it outside")
            )
        return self.sizes.read(value)

    def inline(self, node: fx.Node) -> tuple[Result, ...]:
        """The body of a no_grad block; detaching what comes out of it keeps its gradients cut."""
        enabled, body, *arguments = node.args
        module = getattr(node.graph.owning_module, str(body.target))  # type: ignore[union-attr]
        given = iter(arguments)
        results: Any = ()
        for inner in module.graph.nodes:
            if inner.op == "placeholder":
                self.results[inner] = self.lookup(next(given))
            elif inner.op == "output":
                results = tuple(self.results[item] for item in inner.args[0])
            elif inner.op == "call_function":
                self.translate(inner)
        return results if enabled else tuple(self.detached(item) for item in results)

    def detached(self, result: Result) -> Result:
        """A value without its gradient history."""
        if not isinstance(result, Value) or not self.type(result).is_floating:
            return result
        draft = Draft("detach", (result,), {}, {}, (self.type(result),), Place())
        return self.append(draft)[0]

    def call(self, node: fx.Node) -> Result:
        """An ATen call: the row that describes it, or an opaque node."""
        overload = functional_overload(node.target)
        arguments = self.arguments(node, overload)
        first = next(iter(arguments.values()), None)
        if str(node.target) in PASSED and isinstance(first, TensorName):
            return first
        types = self.types(node.meta["val"])
        place = self.place(node)
        call = AtenCall(str(overload), arguments, types, self.type)
        draft = self.as_row(call, place, self.readers_of(node)) or self.as_opaque(node, overload, types, place)
        if draft.op == "slice" and draft.outputs == (self.type(draft.operands[0]),):
            return draft.operands[0]  # x[:, …] takes the whole of an axis
        values = self.append(draft)
        return values if isinstance(node.meta["val"], list | tuple) else values[0]

    def as_row(self, call: AtenCall, place: Place, used: int) -> Draft | None:
        """The call as a row of the table, if an importer knows it and the row's inference agrees with torch."""
        importer = self.source.importers.get(call.overload)
        imported = importer(call) if importer else None
        if imported is None:
            return None
        owner = self.source.model.get_submodule(place.owner)
        imported = restored(imported, owner, place.module, self.source.holders)
        if any(not isinstance(tensor, TensorName) for tensor in imported.tensors.values()):
            return None
        outputs = self.inferred(imported, call)
        if outputs is None or len(outputs) < used:
            return None
        if imported.op == "sdpa" and place.module:
            self.kept_attention.add(place.module)
        row = self.source.ops[imported.op]
        tensors = {role: self.source.holders[tensor.name] for role, tensor in imported.tensors.items()}  # type: ignore[union-attr]
        operands = tuple(self.as_value(operand) for operand in imported.operands)
        return Draft(imported.op, operands, row.complete(imported.attributes), tensors, outputs, place)

    def inferred(self, imported: Imported, call: AtenCall) -> tuple[ValueType, ...] | None:
        """The types by the row's own inference, or None where it refuses or differs from what torch found."""
        row = self.source.ops[imported.op]
        attributes = row.complete(imported.attributes)
        if row.problems("draft", attributes):
            return None
        operands = tuple(self.type(operand) for operand in imported.operands)
        tensors = {role: self.type(tensor) for role, tensor in imported.tensors.items()}
        try:
            outputs = row.infer(Call("draft", imported.op, operands, tensors, attributes))
        except GraphError:
            return None
        same = all(same_type(mine, theirs) for mine, theirs in zip(outputs, call.outputs, strict=False))
        return outputs if same and len(outputs) <= len(call.outputs) else None

    def as_opaque(self, node: fx.Node, overload: Any, types: tuple[ValueType, ...], place: Place) -> Draft:
        """The call as it is, its tensors as operands and everything else as attributes."""
        operands: list[Value] = []
        positional = tuple(self.template(item, operands) for item in node.args)
        keywords = tuple((name, self.template(item, operands)) for name, item in node.kwargs.items())
        self.opaque.append(str(overload))
        attributes = {
            "target": str(overload),
            "arguments": positional,
            "keywords": keywords,
            "signature": tuple(str(self.type(operand)) for operand in operands),
        }
        return Draft("opaque", tuple(operands), attributes, {}, types, place)

    # --- arguments ----------------------------------------------------------------------------------------------------

    def arguments(self, node: fx.Node, overload: Any) -> dict[str, Argument]:
        """The call's arguments by the names of its schema, defaults filled in."""
        found: dict[str, Argument] = {}
        for index, argument in enumerate(schema_of(overload).arguments):
            given = (
                node.args[index] if index < len(node.args) else node.kwargs.get(argument.name, argument.default_value)
            )
            found[argument.name] = self.argument(self.lookup(given))
        return found

    def lookup(self, item: Any) -> Any:
        """What an argument stands for: fx nodes by their results, containers by their parts."""
        if isinstance(item, fx.Node):
            return self.results[item]
        parts = parts_of(item)
        return item if parts is None else [self.lookup(part) for part in parts]

    def argument(self, item: Any) -> Argument:
        """An argument in the form that importers read."""
        parts = parts_of(item)
        if parts is not None:
            return tuple(self.argument(part) for part in parts)
        if isinstance(item, torch.dtype):
            return dtype_name(item)
        if isinstance(item, torch.SymInt):
            return self.sizes.read(item)
        plain = item is None or isinstance(item, bool | int | float | str | Symbolic | Value | TensorName)
        return item if plain else str(item)

    def template(self, item: Any, operands: list[Value]) -> Any:
        """An argument of an opaque call: operands by number, constants of torch by name, lists tagged."""
        found = self.lookup(item) if isinstance(item, fx.Node) else item
        if isinstance(found, Value | TensorName):
            operands.append(self.as_value(found))
            return ("operand", len(operands) - 1)
        parts = parts_of(found)
        if parts is not None:
            return ("list", tuple(self.template(part, operands) for part in parts))
        if isinstance(found, torch.device):
            return ("torch", f"device:{found}")
        if isinstance(found, torch.dtype | torch.layout | torch.memory_format):
            return ("torch", str(found))
        return self.sizes.read(found) if isinstance(found, torch.SymInt) else found

    def as_value(self, operand: Tensorial) -> Value:
        """A value; a tensor of the model that is used as an operand gets a node of its own, once."""
        if isinstance(operand, Value):
            return operand
        name = self.source.holders[operand.name]
        if name not in self.tensor_drafts:
            draft = Draft(TENSOR, (), {}, {"value": name}, (self.source.tensors[name],), Place(), fixed_name=name)
            self.tensor_drafts[name] = self.append(draft)[0]
        return self.tensor_drafts[name]

    # --- types and places ---------------------------------------------------------------------------------------------

    def type(self, operand: Tensorial) -> ValueType:
        """The type of a value or of a tensor of the model."""
        if isinstance(operand, TensorName):
            return self.source.tensors[self.source.holders[operand.name]]
        return self.drafts[int(operand.node)].outputs[operand.output]

    def types(self, value: Any) -> tuple[ValueType, ...]:
        """The types of a call's outputs as torch found them."""
        values = parts_of(value) or (value,)
        return tuple(self.type_of_fake(item) for item in values if isinstance(item, torch.Tensor))

    def type_of_fake(self, value: Any) -> ValueType:
        """The type of one of torch's stand-in tensors."""
        return ValueType(tuple(self.sizes.read(size) for size in value.shape), dtype_name(value.dtype))

    def readers_of(self, node: fx.Node) -> int:
        """How many outputs a row must have to serve all who read this call."""
        items = [user for user in node.users if getattr(user.target, "__name__", "") == "getitem" and user.users]
        return max((cast(int, item.args[1]) for item in items), default=-1) + 1

    def place(self, node: fx.Node) -> Place:
        """The module that a call stands in, by torch's record of the modules it went through."""
        stack = [item for item in node.meta.get("nn_module_stack", {}).items() if not item[0].startswith("_empty")]
        if not stack:
            return Place(source=user_source(node))
        key, (path, kind) = stack[-1]
        kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        _, _, call = key.rpartition("@")
        number = int(call) if "@" in key and call.isdigit() else call_of(key)
        owner = path.split("@")[0]
        ours = kind.startswith("nadoo_graphs.")
        leaf = ours or (kind.startswith("torch.nn.modules.") and owner in self.source.leaves)
        module = owner.rpartition(".")[0] if ours else owner
        return Place(module, kind, number, leaf, user_source(node), owner)

    def problem(self, node: fx.Node, message: str) -> Problem:
        """A refusal with the user's line."""
        return Problem(Code.CAPTURE, user_source(node, whole=True) or f"call {node.target}", message)


def call_of(key: str) -> int:
    """Which call of a module that is used several times a key of torch's module stack belongs to."""
    found = re.findall(r"@(\d+)", key)
    return int(found[-1]) if found else 0


def user_source(node: fx.Node, *, whole: bool = False) -> str:
    """The innermost line of the user's own code that led to a call; only the file's name unless asked for all."""
    frames = FRAME.findall(node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in frames if is_user_file(file)]
    if not own:
        return ""
    file, line = own[-1]
    return f"{file if whole else file.rpartition('/')[2]}:{line}"


def same_type(mine: ValueType, theirs: ValueType) -> bool:
    """Whether two types agree: the same sizes, or sizes that are equal for every probe of their symbols."""
    if mine == theirs:
        return True
    if mine.dtype != theirs.dtype or mine.rank != theirs.rank:
        return False
    return all(same_size(left, right) for left, right in zip(mine.shape, theirs.shape, strict=True))


def same_size(left: Size, right: Size) -> bool:
    """Whether two sizes are equal, as far as a handful of numbers can tell."""
    if left == right:
        return True
    names = sorted({*symbols_of(left), *symbols_of(right)})
    probes = [{name: probe + index for index, name in enumerate(names)} for probe in PROBES]
    return bool(names) and all(bind(left, probe) == bind(right, probe) for probe in probes)


__all__ = ["Source", "Translator"]
