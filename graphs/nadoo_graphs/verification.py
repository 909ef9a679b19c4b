"""Every rule that a graph must keep, checked all at once; edits check the same rules node by node."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from nadoo_graphs.contract import Structure
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.store import GraphStore, where
from nadoo_graphs.values import ELEMENT_BITS, ValueType


def violations(graph: GraphStore) -> tuple[Problem, ...]:
    """All problems of a graph; types are inferred only where the structure around a node is sound."""
    found = [*vertex_problems(graph), *edge_problems(graph), *cycle_problems(graph)]
    found += [*contract_problems(graph), *alias_problems(graph), *output_problems(graph)]
    sound = {node.name for node in held_nodes(graph)}
    for node in held_nodes(graph):
        edges = edges_to(graph, node.name)
        if not all(is_sound(edge) and edge[0] in sound for edge in edges):
            continue
        problems = [*wiring_problems(graph, node), *node_problems(graph, node)]
        found.extend(problems or type_problems(graph, node))
    return tuple(sorted(set(found), key=lambda problem: (problem.where, problem.code.value, problem.message)))


def held_nodes(graph: GraphStore) -> list[Node]:
    """The nodes of all vertices that hold one of their own name."""
    held = ((name, data.get("node")) for name, data in graph.nx.nodes(data=True))
    return [node for name, node in held if isinstance(node, Node) and node.name == name]


def edges_to(graph: GraphStore, name: str) -> list[tuple[str, object, dict[str, Any]]]:
    """Source, key and data of every edge that leads to a node."""
    return [(source, key, data) for source, _, key, data in graph.nx.in_edges(name, keys=True, data=True)]


def is_sound(edge: tuple[str, object, dict[str, Any]]) -> bool:
    """Whether an edge says with integers which output feeds which operand."""
    return all(type(edge[2].get(part)) is int for part in ("output", "operand"))


def vertex_problems(graph: GraphStore) -> list[Problem]:
    """Vertices that hold no node, or one of another name: an edge to something that was never added."""
    found: list[Problem] = []
    for name, data in graph.nx.nodes(data=True):
        node = data.get("node")
        if not isinstance(node, Node):
            message = "an edge leads here, but no node was added; add it, or remove the edge"
            found.append(Problem(Code.NAME, f"node {name!r}", message))
        elif node.name != name:
            message = f"holds a node called {node.name!r}; the two must agree"
            found.append(Problem(Code.NAME, f"node {name!r}", message))
    return found


def edge_problems(graph: GraphStore) -> list[Problem]:
    """Edges that do not say what they connect, or that edits would not find under their key."""
    found: list[Problem] = []
    for source, reader, key, data in graph.nx.edges(keys=True, data=True):
        place = f"edge {source!r} → {reader!r}"
        if not is_sound((source, key, data)):
            message = f"has data {data}; give output and operand as integers"
            found.append(Problem(Code.SCHEMA, place, message))
        elif key != data["operand"]:
            message = f"has key {key!r} for operand {data['operand']}; the two must agree"
            found.append(Problem(Code.SCHEMA, place, message))
    return found


def cycle_problems(graph: GraphStore) -> list[Problem]:
    """One cycle of each knot of nodes that depend on each other."""
    return graph.cycles()


def output_problems(graph: GraphStore) -> list[Problem]:
    """A graph returns something, through one node that nobody reads."""
    outputs = [node.name for node in held_nodes(graph) if node.op == OUTPUT]
    if len(outputs) != 1:
        message = f"has {len(outputs)} output nodes, exactly one is allowed; call set_outputs"
        return [Problem(Code.OUTPUT, "graph", message)]
    if not graph.nx.in_degree(outputs[0]):
        message = "nothing is returned; give set_outputs at least one value"
        return [Problem(Code.OUTPUT, f"node {outputs[0]!r} (output)", message)]
    return []


def contract_problems(graph: GraphStore) -> list[Problem]:
    """The contract, where there is one, names the inputs, types and numbers of values that the graph has."""
    contract = graph.contract
    inputs = [node for node in held_nodes(graph) if node.op == INPUT]
    counted = leaves(contract.arguments) + leaves(contract.keywords)
    found: list[Problem] = []
    if contract.arguments is not None and counted != len(inputs):
        message = f"its arguments hold {counted} tensors, the graph has {len(inputs)} inputs; assign graph.contract"
        found.append(Problem(Code.NAME, "contract", message))
    return [*found, *named_problems(graph, inputs)] if contract.inputs else found


def leaves(structure: Structure | None) -> int:
    """How many tensors a part of the contract holds."""
    return 0 if structure is None else structure.leaves()


def named_problems(graph: GraphStore, inputs: Iterable[Node]) -> list[Problem]:
    """Names and types of the contract against those of the input nodes."""
    declared = {item.name: item.type for item in graph.contract.inputs}
    actual = {node.name: node.type for node in inputs if node.outputs}
    if set(declared) != set(actual):
        message = f"names inputs {sorted(declared)}, the graph has {sorted(actual)}"
        return [Problem(Code.NAME, "contract", message)]
    return [
        Problem(Code.SHAPE, f"input {name!r}", f"the contract says {declared[name]}, the node {actual[name]}")
        for name in declared
        if declared[name] != actual[name]
    ]


def alias_problems(graph: GraphStore) -> list[Problem]:
    """A tied name leads to a tensor that is there, and every name has its place in the state dict."""
    found = [
        Problem(Code.NAME, f"tensor {alias!r}", f"is tied to {holder!r}, which is not in the graph")
        for alias, holder in graph.aliases.items()
        if holder not in graph.tensors
    ]
    if Counter(graph.state_order) != Counter([*graph.tensors, *graph.aliases]):
        found.append(Problem(Code.NAME, "state order", "does not list every tensor name exactly once"))
    return found


def wiring_problems(graph: GraphStore, node: Node) -> list[Problem]:
    """Operands are numbered without gap or duplicate, and each refers to an output that exists."""
    operands = graph.wires(node)
    indices = Counter(operand for operand, _ in operands)
    found = [
        Problem(Code.NAME, where(node), f"operand {operand} is given {count} times; keep one edge")
        for operand, count in sorted(indices.items())
        if count > 1
    ]
    strange = sorted(set(indices) - set(range(len(indices))))
    if strange:
        missing = min(set(range(len(indices))) - set(indices))
        message = f"operand {missing} is missing, operand {strange[0]} is there; they count from 0 without gap"
        found.append(Problem(Code.SCHEMA, where(node), message))
    for _, value in operands:
        count = len(graph[value.node].outputs)
        if not 0 <= value.output < count:
            message = f"reads output {value.output} of {value.node!r}, which has {count}, counted from 0"
            found.append(Problem(Code.NAME, where(node), message))
    return found


def node_problems(graph: GraphStore, node: Node) -> list[Problem]:
    """What is wrong with a node by itself: operator, attributes, number of operands, tensors."""
    if node.op not in graph.ops:
        message = f"operator {node.op!r} has no row in the table; add its row, or use an opaque node"
        return [Problem(Code.UNKNOWN, where(node), message)]
    found = graph.ops[node.op].problems(node.name, node.attributes)
    least, most = graph.ops[node.op].arity
    count = len(graph.wires(node))
    if count < least or (most is not None and count > most):
        allowed = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        found.append(Problem(Code.SCHEMA, where(node), f"has {count} operands; allowed: {allowed}"))
    return [*found, *missing_tensors(graph, node)] if found else tensor_problems(graph, node)


def tensor_problems(graph: GraphStore, node: Node) -> list[Problem]:
    """Tensors that the row does not have, lacks, or that are not in the graph."""
    roles = {role.name: role for role in graph.ops[node.op].roles_of(node.attributes)}
    allowed = ", ".join(roles) or "none"
    unknown = [
        Problem(Code.UNKNOWN, where(node), f"has no tensor {role!r}; allowed: {allowed}")
        for role in node.tensors
        if role not in roles
    ]
    absent = [
        Problem(Code.SCHEMA, where(node), f"tensor {role.name!r} is missing; give it")
        for role in roles.values()
        if not role.optional and role.name not in node.tensors
    ]
    return [*unknown, *missing_tensors(graph, node), *absent]


def missing_tensors(graph: GraphStore, node: Node) -> list[Problem]:
    """Tensors that the node refers to and the graph does not hold."""
    return [
        Problem(Code.NAME, where(node), f"tensor {name!r} ({role}) is not in the graph; add it")
        for role, name in node.tensors.items()
        if name not in graph.tensors
    ]


def type_problems(graph: GraphStore, node: Node) -> list[Problem]:
    """Declared types that are not the inferred ones."""
    unknown = [item.dtype for item in node.outputs if item.dtype not in ELEMENT_BITS]
    if unknown:
        message = f"dtype {unknown[0]!r} is unknown; known: {', '.join(ELEMENT_BITS)}"
        return [Problem(Code.DTYPE, where(node), message)]
    try:
        inferred = graph.ops[node.op].types(graph.call(node))
    except GraphError as error:
        return list(error.problems)
    if len(inferred) != len(node.outputs):
        message = f"declares {len(node.outputs)} outputs, but {len(inferred)} follow from its operands"
        return [Problem(Code.OUTPUT, where(node), message)]
    return [
        problem
        for index, (declared, expected) in enumerate(zip(node.outputs, inferred, strict=True))
        for problem in compared(node, index, declared, expected)
    ]


def compared(node: Node, index: int, declared: ValueType, expected: ValueType) -> list[Problem]:
    """Shape and dtype of one output, each against what follows from the operands."""
    message = f"output {index} is declared {declared}, but {expected} follows from its operands"
    found: list[Problem] = []
    if declared.shape != expected.shape:
        found.append(Problem(Code.SHAPE, where(node), message))
    if (declared.dtype, declared.format) != (expected.dtype, expected.format):
        found.append(Problem(Code.DTYPE, where(node), message))
    return found
