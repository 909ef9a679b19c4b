"""Every pass that an installed plugin offers obeys all laws."""

import pytest

from nadoo_core.registry import Registry, ops_of
from nadoo_core.testing import check_pass

REGISTRY = Registry.of()


def test_plugins_of_ours_are_installed_and_load() -> None:
    assert REGISTRY.failures == ()
    assert REGISTRY.names("passes")


@pytest.mark.parametrize("name", REGISTRY.names("passes"))
def test_the_pass_obeys_every_law(name: str) -> None:
    check_pass(REGISTRY.pass_class(name), ops=ops_of(REGISTRY)).require()
