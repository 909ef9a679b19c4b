"""calibrate: measure the ranges of activations on calibration data, for the step that quantizes."""

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from nadoo_core.passes import CALIBRATED, Context, Effect, Exact, Pass, Property, option
from nadoo_core.quantizing.ranges import EstimatorName

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


@frozen(kw_only=True)
class Calibrate(Pass):
    """Run the model on calibration data and leave the range of every activation in the graph.

    `quantize` measures for itself where nobody has; a step of its own shows the ranges in the ledger, and is stored, so
    that quantizing in several ways measures once. What changes weights makes the ranges invalid.
    """

    name: ClassVar[str] = "calibrate"
    effect: ClassVar[Effect] = Exact()
    establishes: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    estimator: EstimatorName = option(default="percentile", help="how a range follows from the values")
    estimator_options: dict[str, Any] = option(factory=dict, help="the options of that estimator")
    samples: int = option(default=256, minimum=1, help="how many examples to look at, fewer if they are large")
    format: str = option(default="int8", help="the format of activations, by whose error `mse` judges")

    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Measure, and keep the ranges in place of older ones."""
        from nadoo_core.quantizing import make_estimator
        from nadoo_quantization.asking import asked
        from nadoo_quantization.calibration import calibration_inputs, keep_ranges, measured_ranges, no_data
        from nadoo_quantization.grids import activation_format, codes_of

        inputs = calibration_inputs(graph, context, self.samples)
        if inputs is None:
            raise no_data(context, "measuring ranges")
        with asked(context):
            estimator = make_estimator(self.estimator, self.estimator_options)
            codes = codes_of(activation_format(graph, self.format), symmetric=False)
            ranges = measured_ranges(graph, inputs, estimator, codes, context.progress)
        keep_ranges(graph, ranges)
        rows = [{"value": str(value), "low": span.low, "high": span.high} for value, span in ranges.items()]
        context.table("ranges", rows)
        context.log(f"measured {len(ranges)} values on {len(inputs)} examples")
