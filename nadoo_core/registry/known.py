"""Which of our own plugins offers what, so that a recipe that lacks one says what to install."""

from collections.abc import Mapping
from types import MappingProxyType

KNOWN_OFFERS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "passes": MappingProxyType({
        "swap-activation": "nadoo_activations",
        "fold-batch-norm": "nadoo_cleanup",
        "merge-linear": "nadoo_cleanup",
        "remove-identities": "nadoo_cleanup",
        "decompose-low-rank": "nadoo_low_rank",
        "narrow-linear": "nadoo_low_rank",
        "swap-norm": "nadoo_normalization",
        "find-lottery-ticket": "nadoo_pruning",
        "prune-channels": "nadoo_pruning",
        "prune-masked": "nadoo_pruning",
        "prune-weights": "nadoo_pruning",
        "remove-layers": "nadoo_pruning",
        "calibrate": "nadoo_quantization",
        "quantize": "nadoo_quantization",
        "reorder-channels": "nadoo_reordering",
        "fold-residual-scale": "nadoo_residuals",
        "scale-residual": "nadoo_residuals",
        "heal": "nadoo_training",
        "train": "nadoo_training",
    }),
    "datasets": MappingProxyType(dict.fromkeys(
        ("cifar10", "digits", "fashion-mnist", "image-folder", "image-tar", "mnist", "npz", "synthetic"), "nadoo_core"
    )),
})  # fmt: skip


def known_plugin(kind: str, name: str) -> str | None:
    """The plugin of ours that offers a name, if one does."""
    return KNOWN_OFFERS.get(kind, {}).get(name)
