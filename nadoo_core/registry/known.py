"""Which of our own plugins offers what, so that a recipe that lacks one says what to install."""

from collections.abc import Mapping
from types import MappingProxyType

KNOWN_OFFERS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "passes": MappingProxyType({
        "fold-batch-norm": "nadoo_cleanup",
        "remove-identities": "nadoo_cleanup",
        "merge-linear": "nadoo_cleanup",
        "train": "nadoo_training",
        "calibrate": "nadoo_quantization",
        "quantize": "nadoo_quantization",
        "swap-norm": "nadoo_normalization",
        "heal": "nadoo_training",
        "find-lottery-ticket": "nadoo_pruning",
        "prune-channels": "nadoo_pruning",
        "prune-masked": "nadoo_pruning",
        "prune-weights": "nadoo_pruning",
        "remove-layers": "nadoo_pruning",
    }),
    "datasets": MappingProxyType(dict.fromkeys(
        ("cifar10", "digits", "fashion-mnist", "image-folder", "image-tar", "mnist", "npz", "synthetic"), "nadoo_core"
    )),
})  # fmt: skip


def known_plugin(kind: str, name: str) -> str | None:
    """The plugin of ours that offers a name, if one does."""
    return KNOWN_OFFERS.get(kind, {}).get(name)
