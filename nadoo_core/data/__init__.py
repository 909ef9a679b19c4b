"""Data: sets by name, their examples, who may look at them, and how training images are varied.

The names below are imported when they are used, so that listing data sets never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.data.augmentation import Augmentation
    from nadoo_core.data.dataset import Dataset
    from nadoo_core.data.examples import Examples
    from nadoo_core.data.images import ImageDataset
    from nadoo_core.data.preprocessed import Preprocessed
    from nadoo_core.data.roles import Roles, TestSet, split_roles
    from nadoo_core.data.table import DATASETS
    from nadoo_core.errors import DataError

__all__ = [
    "DATASETS",
    "Augmentation",
    "DataError",
    "Dataset",
    "Examples",
    "ImageDataset",
    "Preprocessed",
    "Roles",
    "TestSet",
    "split_roles",
]

HOMES = {
    "DATASETS": "nadoo_core.data.table",
    "Augmentation": "nadoo_core.data.augmentation",
    "DataError": "nadoo_core.errors",
    "Dataset": "nadoo_core.data.dataset",
    "Examples": "nadoo_core.data.examples",
    "ImageDataset": "nadoo_core.data.images",
    "Preprocessed": "nadoo_core.data.preprocessed",
    "Roles": "nadoo_core.data.roles",
    "TestSet": "nadoo_core.data.roles",
    "split_roles": "nadoo_core.data.roles",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
