"""The data sets that come with nadoo, by name; plugins add theirs to the same table."""

from types import MappingProxyType

DATASETS = MappingProxyType(
    {
        "cifar10": "nadoo_core.data.cifar10:Cifar10",
        "digits": "nadoo_core.data.digits:Digits",
        "fashion-mnist": "nadoo_core.data.mnist:FashionMnist",
        "image-folder": "nadoo_core.data.pictures:ImageFolder",
        "image-tar": "nadoo_core.data.pictures:ImageTar",
        "mnist": "nadoo_core.data.mnist:Mnist",
        "npz": "nadoo_core.data.npz:Npz",
        "synthetic": "nadoo_core.data.synthetic:Synthetic",
    }
)
"""Name → "module:Class", imported when it is used."""
