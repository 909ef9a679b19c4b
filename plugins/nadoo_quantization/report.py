"""The table by layer: what each lost, how full its code book is, and on request what it costs when it is alone."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from nadoo_core.errors import NadooError
from nadoo_core.formulas import capacity_used, entropy
from nadoo_core.passes import Context
from nadoo_core.quantizing import Walk
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops.quantized.masters import scale_role
from nadoo_graphs.values import Value
from nadoo_quantization.calibration import calibration_inputs
from nadoo_quantization.weights import laid_along, masters

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

EXAMPLES = 64
DIGITS = 6
Row = dict[str, Any]


def layer_table(
    step: "Quantize", before: ModelGraph, after: ModelGraph, layers: Mapping[str, Format], context: Context
) -> list[Row]:
    """One row a layer, in order."""
    found = {name: weight_rows(before, after, name, row) for name, row in layers.items() if name in after}
    rows = {name: items[0] for name, items in found.items()}
    if step.report != "weights" and (step.calibrates or len(before.inputs) == 1):
        inputs = calibration_inputs(before, context, min(step.samples, EXAMPLES))
        if inputs is not None:
            add_outputs(before, after, inputs, rows)
    if step.report == "accuracy":
        add_accuracy(step, before, rows, context)
    return [row for items in found.values() for row in items]


# --- weights ----------------------------------------------------------------------------------------------------------


def weight_rows(before: ModelGraph, after: ModelGraph, name: str, row: Format) -> list[Row]:
    """What is known of a layer from its weights alone: one row, or one for each matrix of a recurrent layer."""
    node, found = after[name], list[Row]()
    for role, tensor in masters(before[name]):
        original = before.tensor(tensor).double()
        place = name if role == "weight" else f"{name}.{role}"
        known: Row = {"layer": place, "op": node.op, "format": row.name, "weights": original.numel()}
        held = (after.tensor(node.tensors[role]), after.tensors.get(node.tensors.get(scale_role(role), "")))
        scale = None if held[1] is None else held[1].value
        found.append({**known, **held_weight(held[0], scale, row, original)})
    return found


def held_weight(
    master: torch.Tensor, held_scale: torch.Tensor | None, row: Format, original: torch.Tensor | None = None
) -> Row:
    """Scale, clip, share clipped, signal-to-noise ratio and entropy of a weight as it is held."""
    weight = master.double()
    scale = torch.ones(()) if held_scale is None else held_scale.double()
    steps = laid_along(scale, weight) if scale.ndim else scale.double()
    codes = row.encode(weight, steps, allow_degenerate=True)
    reference = weight if original is None else original
    found: Row = {"snr_db": decibels(reference, reference - row.decode(codes, steps, dtype=torch.float64))}
    levels = row.levels()
    if levels is None:
        return found
    clip = scale.abs() * row.reach
    shape = laid_along(clip, weight) if clip.ndim else clip
    bits = entropy(codes.numpy())
    found |= {
        "scale": spread(scale),
        "clip": spread(clip),
        "clipped_share": rounded(float((reference.abs() > shape * (1 + 1e-9)).double().mean())),
        "entropy_bits": rounded(bits),
        "capacity_used": rounded(capacity_used(bits, max(len(levels), 2))),
    }
    return found


def spread(values: torch.Tensor) -> float | list[float]:
    """One number, or the least, the median and the largest of many."""
    if not values.ndim:
        return rounded(float(values))
    return [rounded(float(item)) for item in (values.min(), values.median(), values.max())]


def rounded(number: float) -> float:
    """A number with as many digits as a table shows."""
    return float(f"{number:.{DIGITS}g}")


def decibels(signal: torch.Tensor, noise: torch.Tensor) -> float | None:
    """10·log₁₀ of the ratio of powers; None where there is no noise or no signal."""
    powers = float(signal.double().square().sum()), float(noise.double().square().sum())
    return rounded(10 * math.log10(powers[0] / powers[1])) if min(powers) > 0 else None


# --- outputs ----------------------------------------------------------------------------------------------------------


def add_outputs(before: ModelGraph, after: ModelGraph, inputs: torch.Tensor, rows: Mapping[str, Row]) -> None:
    """The signal-to-noise ratio of every layer's output, and the share of it that is positive."""
    float_walk, walk = Walk(before, inputs), Walk(after, inputs)
    for name, row in rows.items():
        walk.run_until_before(name)
        walk.step()
        counterpart = fused_reader(before, after, name)
        float_walk.run_until_before(counterpart)
        float_walk.step()
        wanted = float_walk.value(Value(counterpart))
        found = numbers_of(after, name, walk.value(Value(name)))
        row["positive_share"] = rounded(float((found > 0).double().mean()))
        row["output_snr_db"] = decibels(wanted, wanted - found) if has_scale(after, name) else None


def fused_reader(before: ModelGraph, after: ModelGraph, name: str) -> str:
    """The node of the float graph whose output a layer gives now: its own, or that of the clamp it has taken in."""
    readers = before.consumers(name)
    if len(readers) == 1 and readers[0][0].name not in after:
        return readers[0][0].name
    return name


def has_scale(graph: ModelGraph, name: str) -> bool:
    """Whether the graph says what the outputs of a layer stand for; between relu-norms and at run time it does not."""
    node = graph[name]
    if node.type.format is None or "output_scale" in node.tensors:
        return True
    readers = [reader for reader, _ in graph.consumers(name)]
    return all(reader.op == "dequantize" and {"scale", "weight_scale"} <= set(reader.tensors) for reader in readers)


def numbers_of(graph: ModelGraph, name: str, value: torch.Tensor) -> torch.Tensor:
    """The output of a layer as numbers."""
    node = graph[name]
    if node.type.format is None:
        return value
    if "output_scale" in node.tensors:
        zero = graph.tensor(node.tensors["output_zero_point"]) if "output_zero_point" in node.tensors else 0
        return (value.double() - zero) * graph.tensor(node.tensors["output_scale"]).double()
    reader = graph.consumers(name)[0][0]
    if not has_scale(graph, name):
        return value.double()
    scale = graph.tensor(reader.tensors["scale"]).double()
    weight_scale = graph.tensor(reader.tensors["weight_scale"]).double()
    axis = int(reader.attributes["axis"])  # type: ignore[arg-type]
    shape = (-1, *(1,) * (-axis - 1)) if weight_scale.ndim else ()
    return value.double() * scale * weight_scale.reshape(shape)


# --- one layer alone --------------------------------------------------------------------------------------------------


def add_accuracy(step: "Quantize", before: ModelGraph, rows: Mapping[str, Row], context: Context) -> None:
    """The accuracy when only one layer is quantized, for every layer."""
    from nadoo_quantization.quantizing import Quantizing, only_layer

    for done, (name, row) in enumerate(rows.items(), 1):
        alone = before.copy()
        try:
            Quantizing(only_layer(step, name), alone, context.silent()).run()
            metrics = context.evaluate(alone)
        except NadooError as error:
            context.log(f"the accuracy with {name} alone is not known: {error}")
            continue
        row["accuracy_alone"] = metrics["accuracy"].value if "accuracy" in metrics else None
        context.progress(done, len(rows), f"{name} alone")
