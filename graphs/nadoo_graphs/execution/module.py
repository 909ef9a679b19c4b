"""From a graph to a PyTorch module: generated with torch.fx, trainable, with the state dict of the original."""

import copy
import keyword
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer

from nadoo_graphs.contract import Contract, Structure, sequence
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.execution.leaves import leaf_of
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.nesting import parts_of
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.ops import Run
from nadoo_graphs.ops.quantized.learning import gradient_factors, scaled_gradient
from nadoo_graphs.sizes import Size, Symbolic
from nadoo_graphs.tensors import TensorRecord
from nadoo_graphs.torch_private import TreeCodeGen, TreeInfo, codegen_of
from nadoo_graphs.trees import tree_spec
from nadoo_graphs.values import Value, ValueType

COPIED = ("_parameters", "_buffers", "_non_persistent_buffers_set", "_modules", "training")


class ModelModule(fx.GraphModule):
    """The module of a graph; unlike a plain GraphModule, a deep copy of it keeps every tensor as it was registered."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "ModelModule":
        other = ModelModule(nn.Module(), fx.Graph(), type(self).__name__)
        memo[id(self)] = other
        for key in COPIED:
            other.__dict__[key] = copy.deepcopy(self.__dict__[key], memo)
        other.graph = copied(self.graph)
        return other


def attribute_of(module: nn.Module, name: str) -> Any:
    """A tensor or submodule whose name is a word of Python."""
    return getattr(module, name)


def copied(graph: fx.Graph) -> fx.Graph:
    """The same calls and the same form of arguments in a graph of its own."""
    other = fx.Graph()
    result = other.graph_copy(graph, {})
    other.output(result)
    other.set_codegen(codegen_of(graph))
    return other


def to_module(graph: ModelGraph) -> ModelModule:
    """A module of its own: it shares no tensor with the graph, and starts in evaluation mode."""
    return ModuleBuilder(graph).build()


class ModuleBuilder:
    """One generation: the module that is filled, the fx graph, and the proxy of every value so far."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.module = ModelModule(nn.Module(), fx.Graph(), class_name(graph.name))
        self.fx = fx.Graph()
        self.tracer = GraphAppendingTracer(self.fx)
        self.values: dict[Value, Any] = {}
        self.tensors: dict[str, fx.Proxy] = {}
        self.symbols: dict[str, tuple[Value, int]] = {}
        self.sizes: dict[str, fx.Proxy] = {}
        self.factors = gradient_factors(graph)

    def build(self) -> ModelModule:
        """Fill the module with tensors, the graph with calls, and let fx write the code."""
        self.install_tensors()
        self.place_inputs()
        nodes = [node for node in self.graph.nodes() if node.op not in {INPUT, OUTPUT}]
        for node in sorted(nodes, key=lambda node: self.graph.ops[node.op].effect):
            self.emit(node)
        self.place_outputs()
        self.fx.lint()
        self.module.graph = self.fx
        return self.module.eval()

    # --- tensors ------------------------------------------------------------------------------------------------------

    def install_tensors(self) -> None:
        """Register a copy of every tensor under its name, tied names with the same object, in state-dict order."""
        made: dict[str, torch.Tensor] = {}
        for name in self.graph.state_order:
            holder = self.graph.aliases.get(name, name)
            record = self.graph.tensors[holder]
            if holder not in made:
                made[holder] = fresh(record)
            self.register(name, made[holder], record)

    def register(self, name: str, value: torch.Tensor, record: TensorRecord) -> None:
        """Put one tensor into the container that its name leads to."""
        *path, last = name.split(".")
        container = self.container(path)
        refuse_taken(container, last, name)
        if isinstance(value, nn.Parameter):
            container.register_parameter(last, value)
            return
        container.register_buffer(last, value, persistent=record.persistent and record.role != "constant")

    def container(self, path: list[str]) -> nn.Module:
        """The module at a path, made on the way where it is missing."""
        current: nn.Module = self.module
        for part in path:
            if part not in dict(current.named_children()):
                refuse_taken(current, part, ".".join(path))
                current.add_module(part, nn.Module())
            current = current.get_submodule(part)
        return current

    def tensor(self, name: str) -> fx.Proxy:
        """The proxy of a tensor, fetched once."""
        if name not in self.tensors:
            found = self.fetch(name.split("."))
            factor = self.factors.get(self.graph.aliases.get(name, name))
            self.tensors[name] = found if factor is None else self.record(scaled_gradient, found, factor)
        return self.tensors[name]

    def fetch(self, path: list[str]) -> fx.Proxy:
        """The proxy of an attribute; generated code cannot spell Python's own words as attributes."""
        spelled = next((index for index, part in enumerate(path) if keyword.iskeyword(part)), len(path))
        if not spelled:
            message = f"begins with {path[0]!r}, a word of Python that generated code cannot spell; rename that part"
            raise GraphError(Problem(Code.NAME, f"tensor {'.'.join(path)!r}", message))
        found = fx.Proxy(self.fx.get_attr(".".join(path[:spelled])), self.tracer)
        for part in path[spelled:]:
            found = self.record(attribute_of, found, part)
        return found

    # --- the border ---------------------------------------------------------------------------------------------------

    def place_inputs(self) -> None:
        """One placeholder a leaf of the arguments; constants take part so that the call keeps its form."""
        contract, nodes = self.graph.contract, iter(self.graph.inputs)
        for index, leaf in enumerate(input_leaves(contract, len(self.graph.inputs))):
            if leaf.kind == "constant":
                self.fx.placeholder(f"constant_{index}")
                continue
            node = next(nodes)
            placeholder = self.fx.placeholder(identifier(node.name))
            self.remember(node, fx.Proxy(placeholder, self.tracer))
        names = argument_names(contract, [node.name for node in self.graph.inputs])
        results = None if contract.results is None else tree_spec(contract.results)
        self.fx.set_codegen(TreeCodeGen(TreeInfo(names, arguments_spec(contract, names), results)))

    def place_outputs(self) -> None:
        """What the generated forward returns, with the constants that the original returned."""
        values = [self.values[value].node for value in self.graph.outputs]
        results = self.graph.contract.results
        if results is None:
            self.fx.output(values[0] if len(values) == 1 else tuple(values))
            return
        found = iter(values)
        leaves = [item for item in results.walk() if item.kind in {"leaf", "constant"}]
        self.fx.output([next(found) if leaf.kind == "leaf" else leaf.constant for leaf in leaves])

    # --- calls --------------------------------------------------------------------------------------------------------

    def emit(self, node: Node) -> None:
        """The call of one node, with its results remembered."""
        row = self.graph.ops[node.op]
        operands = tuple(self.values[value] for value in self.graph.operands(node))
        tensors = {role: self.tensor(name) for role, name in node.tensors.items()}
        attributes = {name: self.resolve(value) for name, value in node.attributes.items()}
        call = leaf_of(self.graph, node, attributes)
        if call is not None:
            target = self.install_call(node, call)
            result: Any = self.tracer.create_proxy("call_module", target, operands, dict(tensors))
        else:
            result = row.execute(Run(operands, tensors, attributes, self.record))  # type: ignore[misc]
        if isinstance(result, fx.Proxy):
            result.node.meta["nadoo_node"] = node.name
        self.remember(node, result)

    def record(self, overload: Any, *arguments: Any, **keywords: Any) -> fx.Proxy:
        """The call of an overload as a node of the fx graph."""
        return self.tracer.create_proxy("call_function", overload, arguments, keywords)

    def install_call(self, node: Node, call: nn.Module) -> str:
        """Register the stateless module of a call beside the tensors of the module that it came from."""
        path = [part for part in (node.origin.module or node.name).split(".") if part]
        if self.is_tensor_path(path) or any(map(keyword.iskeyword, path)):
            path = ["calls"]
        container = self.container(path)
        name = next(
            f"call{index or ''}" for index in range(len(self.graph) + 1) if not hasattr(container, f"call{index or ''}")
        )
        container.add_module(name, call)
        return ".".join([*path, name])

    def is_tensor_path(self, path: list[str]) -> bool:
        """Whether a name of a tensor stands where a container would have to be."""
        prefixes = {".".join(path[: count + 1]) for count in range(len(path))}
        return any(name in prefixes for name in self.graph.state_order)

    def remember(self, node: Node, result: Any) -> None:
        """The proxies of a node's outputs, and where symbols can be read off."""
        several = len(node.outputs) > 1 or isinstance(result, list | tuple)
        for index, declared in enumerate(node.outputs):
            value = Value(node.name, index)
            self.values[value] = result[index] if several else result
            self.note_symbols(value, declared)

    def note_symbols(self, value: Value, declared: ValueType) -> None:
        """The first place where a symbol stands alone is where its value is read from."""
        for axis, size in enumerate(declared.shape):
            if isinstance(size, Symbolic) and str(size).isidentifier():
                self.symbols.setdefault(str(size), (value, axis))

    def resolve(self, attribute: Any) -> Any:
        """An attribute with its symbolic sizes turned into proxies."""
        if isinstance(attribute, Symbolic):
            return self.size(attribute)
        parts = parts_of(attribute)
        return attribute if parts is None else tuple(self.resolve(item) for item in parts)

    def size(self, size: Size) -> Any:
        """The proxy of a size: a sum of products of the sizes read off values."""
        if isinstance(size, int):
            return size
        total: Any = None
        for monomial, coefficient in size.terms:
            product: Any = None if coefficient == 1 and monomial else coefficient
            for atom, power in monomial:
                for _ in range(power):
                    factor = (
                        self.symbol(atom)
                        if isinstance(atom, str)
                        else self.size(atom.numerator) // self.size(atom.divisor)
                    )
                    product = factor if product is None else product * factor
            total = product if total is None else total + product
        return total

    def symbol(self, name: str) -> fx.Proxy:
        """The proxy of a symbol, read off the first value whose axis it is."""
        if name not in self.symbols:
            message = "no value has an axis of exactly this size, so it cannot be known when the module runs"
            raise GraphError(Problem(Code.SYMBOL, f"symbol {name!r}", message))
        if name not in self.sizes:
            value, axis = self.symbols[name]
            self.sizes[name] = torch.ops.aten.sym_size.int(self.values[value], axis)
        return self.sizes[name]


def refuse_taken(container: nn.Module, part: str, name: str) -> None:
    """A name that is an attribute of every module, such as forward, cannot be that of a tensor or submodule."""
    if hasattr(container, part):
        message = f"{part!r} is taken by an attribute of the generated module; rename that part of the model"
        raise GraphError(Problem(Code.NAME, f"tensor {name!r}", message))


def fresh(record: TensorRecord) -> torch.Tensor:
    """A copy of a tensor, as the parameter or buffer that it was."""
    value = record.value.detach().clone()
    return nn.Parameter(value, requires_grad=record.trainable) if record.role == "parameter" else value


def class_name(name: str) -> str:
    """A graph's name as the name of the generated class."""
    return identifier(name) or "Model"


def identifier(name: str) -> str:
    """A name with everything that Python does not allow in names replaced."""
    text = "".join(character if character.isalnum() and character.isascii() else "_" for character in name)
    return f"_{text}" if text[:1].isdigit() or keyword.iskeyword(text) else text


def input_leaves(contract: Contract, count: int) -> list[Structure]:
    """The leaves of all arguments, in the order in which torch flattens them."""
    arguments = contract.arguments or sequence(count)
    structures = (arguments, contract.keywords or Structure("dict"))
    return [item for structure in structures for item in structure.walk() if item.kind in {"leaf", "constant"}]


def argument_names(contract: Contract, inputs: list[str]) -> list[str]:
    """The names of the generated forward's parameters."""
    if contract.arguments is None:
        return [identifier(name) for name in inputs]
    keywords = contract.keywords.keys if contract.keywords else ()
    return [identifier(str(key)) for key in (*contract.arguments.keys, *keywords)]


def arguments_spec(contract: Contract, names: list[str]) -> Any:
    """Torch's specification of (positional, keywords)."""
    positional = contract.arguments or sequence(len(names))
    keywords = contract.keywords or Structure("dict")
    return tree_spec(Structure("tuple", (positional, keywords)))
