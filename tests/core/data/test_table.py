"""Every data set of the table is what a data set must be."""

from importlib import import_module

import pytest

from nadoo_core.data.dataset import Dataset
from nadoo_core.data.table import DATASETS
from nadoo_core.options import option_fields

REQUIRED = {"npz": {"file": "x"}, "image-tar": {"folder": "x"}, "image-folder": {"folder": "x"}}


@pytest.mark.parametrize("name", DATASETS)
def test_the_class_behind_a_name_has_that_name_and_explains_its_options(name: str) -> None:
    module, _, attribute = DATASETS[name].partition(":")
    kind = getattr(import_module(module), attribute)
    assert kind.name == name and kind.__doc__
    assert all(field.help for field in option_fields(kind))
    if name not in {"image-tar", "image-folder"}:  # their classes are read from files
        assert isinstance(kind(**REQUIRED.get(name, {})), Dataset)
