"""From a model to torch's program: with an open batch if the model allows it, rewritten where writes demand it."""

from collections.abc import Sequence
from typing import Any

import torch
from attrs import evolve, frozen
from torch import nn

from nadoo_graphs.capture.examples import widened
from nadoo_graphs.capture.functional import hazards, written
from nadoo_graphs.capture.torch_export import Example, export, refusal, silenced, tensor_leaves
from nadoo_graphs.errors import CaptureError
from nadoo_graphs.torch_private import is_mutable


@frozen
class Exported:
    """torch's program, the example that it stands for, and what had to be done to get it."""

    program: Any
    example: Example
    notes: tuple[str, ...] = ()
    fallback: bool = False


def export_with_fallback(model: nn.Module, example: Example, *, fixed_allowed: bool) -> Exported:
    """The program with an open batch, else with fixed sizes, rewritten by torch where writes in place demand it."""
    notes: tuple[str, ...] = ()
    try:
        program = export(model, widened(example, model))
    except Exception as error:  # torch raises whatever the model and its own internals raise
        if not (fixed_allowed and example.axes):
            raise CaptureError(refusal(model, error)) from error
        program, notes = export_fixed(model, example)
    signature = program.graph_signature
    tensors = [
        *signature.inputs_to_parameters,
        *signature.inputs_to_buffers,
        *signature.inputs_to_lifted_tensor_constants,
    ]
    if not needs_rewriting(program, tensors):
        return Exported(program, example, (*notes, *input_writes(program, signature.user_inputs)))
    try:
        with silenced():
            return Exported(program.run_decompositions({}), example, notes, fallback=True)
    except Exception as error:
        raise CaptureError(refusal(model, error)) from error


def export_fixed(model: nn.Module, example: Example) -> tuple[Any, tuple[str, ...]]:
    """The program with every size as in the example, and the remark that this is so."""
    fixed = evolve(example, axes={})
    try:
        program = export(model, fixed)
    except Exception as error:
        raise CaptureError(refusal(model, error)) from error
    sizes = sorted({leaf.shape[0] for leaf in tensor_leaves(example.bound(model)).values() if leaf.ndim})
    text = ", ".join(map(str, sizes))
    return program, (
        f"the batch is fixed ({text}): torch cannot keep it open for this model; name open axes with dynamic=",
    )


def needs_rewriting(program: Any, tensors: Sequence[str]) -> bool:
    """Whether writes in place, in the program or in a block inside it, cannot be read as functional calls."""
    bodies = [module for module in program.graph_module.modules() if isinstance(module, torch.fx.GraphModule)]
    inner = any(
        is_mutable(node.target) for body in bodies if body is not program.graph_module for node in body.graph.nodes
    )
    return inner or bool(hazards(program.graph, tensors))


def input_writes(program: Any, inputs: Sequence[str]) -> tuple[str, ...]:
    """A remark for each input that the model writes to and the graph does not."""
    return tuple(
        f"the model writes to its input {node.name!r} in place; the graph leaves its inputs alone"
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in inputs and any(node in written(user) for user in node.users)
    )
