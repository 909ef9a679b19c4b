"""quantize: from numbers to codes, after training or as the start of a training with quantization in the loop."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from nadoo_core.passes import CALIBRATED, Context, Effect, LayerTable, Pass, Property, Selector, Unbounded, option
from nadoo_core.quantizing.ranges import EstimatorName

if TYPE_CHECKING:
    from nadoo_graphs.formats import Format
    from nadoo_graphs.graph import ModelGraph

LAYERS = ("linear", "conv1d", "conv2d", "embedding", "lstm", "gru", "rnn_tanh", "rnn_relu")
NONE, RELU_NORM = "none", "relu-norm"
BYTE = 8
MARKS = ("quantize", "dequantize")


def is_quantized(graph: "ModelGraph") -> bool:
    """Whether any node computes on codes or on encoded weights."""
    return any(node.op in MARKS or node.op.startswith(("quantized_", "encoded_")) for node in graph.nodes())


QUANTIZED = Property("quantized", "weights or values are held as codes", is_quantized)
UNQUANTIZED = Property(
    "unquantized", "nothing is quantized already", lambda graph: not is_quantized(graph),
    "give all formats to one step, as a table of layers",
)  # fmt: skip


@frozen(kw_only=True)
class Quantize(Pass):
    """Give weights and activations number formats, so that the graph computes with integers alone where it can.

    Weights follow a clip rule; activations the ranges of a `calibrate` step, or ranges that are measured here. Below 8
    bits the weights are then rounded by what they do on calibration data, without labels. `activations = "none"`
    leaves activations in floating point, "relu-norm" makes a network without activation scales that is to be trained.
    """

    name: ClassVar[str] = "quantize"
    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (QUANTIZED,)
    needs: ClassVar[tuple[Property, ...]] = (UNQUANTIZED,)
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED, UNQUANTIZED)

    where: Selector = option(default=Selector(op=LAYERS), help="which layers get their weights quantized")
    weights: LayerTable[str] = option(default=LayerTable({"*": "int8"}), help="the format of weights, by layer")
    activations: LayerTable[str] = option(
        default=LayerTable({"*": "int8"}), help="the format of activations, by node; or 'none', or 'relu-norm'"
    )
    first: str | None = option(default=None, help="another weight format for the first chosen layer")
    last: str | None = option(default=None, help="another weight format for the last chosen layer")
    granularity: Literal["output", "tensor"] = option(
        default="output", help="one weight scale an output, or one in all"
    )
    clip: LayerTable[str] = option(default=LayerTable({"*": "auto"}), help="the clip rule of weights, by layer")
    clip_options: dict[str, dict[str, Any]] = option(factory=dict, help="options of clip rules, by rule")
    activation_scale: Literal["static", "tensor", "sample", "token"] = option(
        default="static", help="calibrated scales, or scales found at run time for each tensor, sample or token"
    )
    steps: Literal["fixed", "lsq", "pact"] = option(
        default="fixed",
        help="scales of activations: fixed, or learned by a training that follows, by LSQ's or PACT's gradients",
    )
    symmetric: bool = option(default=False, help="activations without a zero point")
    ranges: EstimatorName = option(
        default="percentile", help="how ranges follow from calibration data, if not calibrated"
    )
    range_options: dict[str, Any] = option(factory=dict, help="the options of that estimator")
    input_range: tuple[float, float] | None = option(default=None, help="the range of the input, if it is known")
    requantize: Literal["double", "single", "shift"] = option(default="double", help="how accumulators are rescaled")
    rounding: Literal["auto", "nearest", "adaptive"] = option(
        default="auto",
        help="to the nearest level; by what rounding does on calibration data; or auto: the latter below 8 bits",
    )
    bias_correction: bool = option(default=True, help="give every channel the mean that it had, on calibration data")
    equalize: bool = option(default=False, help="even out the weights of neighbouring layers first, channel by channel")
    samples: int = option(default=256, minimum=1, help="how many calibration examples, fewer if they are large")
    allow_degenerate: bool = option(default=False, help="take weights of nothing but zeros")
    report: Literal["weights", "outputs", "accuracy"] = option(
        default="outputs", help="how much the table by layer says; accuracy is measured with each layer quantized alone"
    )

    def complaints(self) -> Iterable[str]:
        """Choices that do not go together."""
        modes = {item for item in self.activations.entries.values() if item in {NONE, RELU_NORM}}
        if modes and len(self.activations.entries) > 1:
            yield f"activations is a table with {sorted(modes)[0]!r}, which holds for a whole graph; give it alone"
        if self.activation_scale != "static" and (self.only_weights or self.relu_norm):
            yield f"activation_scale is {self.activation_scale!r} and activations {sorted(modes)[0]!r} has no scales"
        if self.steps != "fixed" and (self.only_weights or self.relu_norm or self.activation_scale != "static"):
            yield f"steps is {self.steps!r}, which needs static scales of activations; leave it out, or choose those"
        if self.steps == "pact" and "learned" in self.clip.entries.values():
            yield "steps is 'pact' and a clip is 'learned', which learns by LSQ; set steps to 'lsq'"
        if self.input_range is not None and not self.input_range[0] < self.input_range[1]:
            yield f"input_range is {list(self.input_range)}; give the smaller number first"

    # --- what is asked of single nodes --------------------------------------------------------------------------------

    @property
    def only_weights(self) -> bool:
        """Whether activations stay in floating point."""
        return set(self.activations.entries.values()) == {NONE}

    @property
    def calibrates(self) -> bool:
        """Whether scales of activations follow from calibration data."""
        return self.activation_scale == "static" and not self.only_weights

    @property
    def relu_norm(self) -> bool:
        """Whether the network is to have no activation scales."""
        return set(self.activations.entries.values()) == {RELU_NORM}

    def weights_of(self, node: Any) -> str:
        """The format of a layer's weight, without the exceptions for first and last."""
        return self.weights.value(node) or BYTE_FORMAT

    def activations_of(self, node: str) -> str:
        """The format of a node's output."""
        return self.activations.value(node) or BYTE_FORMAT

    def rounds_adaptively(self, row: "Format") -> bool:
        """Whether the weights of a format are rounded by the data."""
        return self.rounding == "adaptive" or (self.rounding == "auto" and row.bits < BYTE)

    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Check everything, then rewrite, round and report."""
        from nadoo_quantization.quantizing import Quantizing

        Quantizing(self, graph, context).run()


BYTE_FORMAT = "int8"
