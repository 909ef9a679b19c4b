"""Putting nodes into a graph one by one, each judged by the rules that a whole graph is verified with.

A plan declares the types of blocks and not those of the values in them, so they are inferred here, and a node that
cannot be is named with its block and left out, so that the rest can still be checked.
"""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
from collections.abc import Iterable, Sequence

import torch

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, TENSOR, Node
from nadoo_graphs.tensors import TensorRecord, torch_dtype
from nadoo_graphs.values import Value, ValueType
from nadoo_graphs.verification import node_problems


def place_input(graph: ModelGraph, name: str, declared: ValueType) -> Value:
    """What goes into a block."""
    graph._put_node(Node(name, INPUT, outputs=(declared,)), graph._new_key())
    return Value(name)


def place_tensor(graph: ModelGraph, name: str, declared: ValueType) -> None:
    """A constant of which only the type is known yet; no memory stands for its elements."""
    sizes = [size for size in declared.shape if isinstance(size, int)]
    stand_in = torch.zeros((), dtype=torch_dtype(declared.dtype)).expand(sizes)
    graph._put_tensor(name, TensorRecord(stand_in, "constant", format=declared.format))


def place_constant(graph: ModelGraph, name: str) -> Value:
    """The node that hands a constant on as a value, made where it is first read."""
    if name not in graph:
        node = Node(name, TENSOR, tensors={"value": name}, outputs=(graph.record(name).type,))
        graph._put_node(node, graph._new_key())
    return Value(name)


def place(graph: ModelGraph, node: Node, operands: Sequence[Value]) -> list[Problem]:
    """Add a node with its inferred types, or say everything that is wrong with it and leave it out."""
    graph._put_node(node, graph._new_key())
    for index, value in enumerate(operands):
        graph._connect(value, node.name, index)
    problems = node_problems(graph, node) or infer(graph, node)
    if problems:
        graph._drop_node(node.name)
    return problems


def infer(graph: ModelGraph, node: Node) -> list[Problem]:
    """Let a node have the types that follow; rows come from plugins, and whatever they raise is a problem."""
    try:
        outputs = graph.ops[node.op].types(graph.call(node))
    except GraphError as error:
        return list(error.problems)
    except Exception as error:
        message = f"cannot be inferred ({type(error).__name__}: {error}); give values that its row takes"
        return [Problem(Code.SCHEMA, f"node {node.name!r} ({node.op})", message)]
    graph._replace_node(node.with_outputs(outputs))
    return []


def relocated(problems: Iterable[Problem], where: str) -> list[Problem]:
    """The problems of a node, said of the item that it was made from."""
    return [Problem(problem.code, where, problem.message) for problem in problems]
