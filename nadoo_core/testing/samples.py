"""Named graphs of the kinds that passes are written for, so that a check never depends on what happens to be drawn."""

from collections.abc import Mapping
from types import MappingProxyType

from nadoo_core.testing.growing import Step, grow
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable

SAMPLES: Mapping[str, tuple[str, tuple[Step, ...], tuple[int, ...]]] = MappingProxyType(
    {
        "nothing": ("features", (), ()),
        "one-layer": ("features", (("layer", 0, 2),), ()),
        "network": ("features", (("layer", 0, 2), ("activation", 0, 0), ("layer", 0, 1)), ()),
        "layer-chain": ("features", (("layer_chain", 0, 1), ("activation", 0, 2), ("layer_chain", 0, 2)), ()),
        "normalized-layers": ("features", (("normalized_layer", 0, 1), ("normalized_layer", 0, 3)), ()),
        "normalized-convolutions": ("images", (("normalized_layer", 0, 1), ("normalized_layer", 0, 2)), ()),
        "residual-convolutions": (
            "images",
            (("normalized_layer", 0, 1), ("residual", 0, 1), ("flattened", 0, 0), ("layer", 0, 2)),
            (),
        ),
        "inert-nodes": (
            "features",
            (("layer", 0, 2), *(("inert", 0, kind) for kind in range(5)), ("activation", 0, 1)),
            (),
        ),
        "activations": ("features", tuple(("activation", 0, kind) for kind in range(8)), ()),
        "doubled": ("features", (*(("twice", 0, kind) for kind in range(4)), ("layer", 0, 0)), ()),
        "shared-weight": ("features", (("shared_layer", 0, 0), ("activation", 0, 0), ("shared_layer", 0, 0)), ()),
        "branches": ("features", (("layer", 0, 1), ("layer", 1, 1), ("combined", 0, 1), ("joined", 0, 2)), ()),
        "several-outputs": ("features", (("layer", 0, 2), ("activation", 0, 0), ("layer", 0, 2)), (1, 2)),
    }
)


def sample_graphs(ops: OpTable | None = None) -> dict[str, ModelGraph]:
    """Every sample by its name, made anew."""
    return {name: grow(form, steps, returned, ops, name) for name, (form, steps, returned) in SAMPLES.items()}
