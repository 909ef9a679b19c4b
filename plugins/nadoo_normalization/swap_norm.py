"""swap-norm: another normalization in the place of one, with the learned scale and shift where there are any."""

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from attrs import frozen

from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded, option

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

NORMS = ("layer_norm", "rms_norm", "batch_norm")
Norm: TypeAlias = Literal["rms", "mean-absolute", "layer", "batch"]


@frozen(kw_only=True)
class SwapNorm(Pass):
    """Replace normalizations: root mean square, mean magnitude, layer or batch norm, everywhere or first only.

    Features are normalized over the axes that the old norm has, or over the channels of a batch norm's input; of images
    that is each channel over its positions. Train or heal afterwards: the model computes something else.
    """

    name: ClassVar[str] = "swap-norm"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    where: Selector = option(default=Selector(op=NORMS), help="which norms to replace; take 'first' for the first only")
    to: Norm = option(default="rms", help="what to normalize by")
    eps: float = option(default=1e-6, above=0, help="what keeps a vector of zeros from a division by zero")
    samples: int = option(default=256, minimum=1, help="calibration examples that a batch norm begins with")

    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Every chosen norm, one after the other."""
        from nadoo_normalization.swapping import Swapping

        swapping = Swapping(graph, context, self)
        for node in self.where.matches(graph):
            swapping.swap(node)
