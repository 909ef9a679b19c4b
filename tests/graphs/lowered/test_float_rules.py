"""Every rule for floats against torch, whose sums are taken in another order."""

import numpy as np
import pytest

from tests.graphs.lowered.networks import lowered, modules, outputs_of, rows


@pytest.mark.parametrize("name", list(modules()))
def test_a_program_computes_what_torch_computes(name: str) -> None:
    graph, program, samples = lowered(name)
    wanted = graph.run(samples).outputs
    found = outputs_of(program, samples)
    assert len(found) == len(wanted)
    for one, other in zip(found, map(rows, wanted), strict=True):
        scale = max(float(np.abs(other).max()), 1e-6)
        assert np.abs(one - other).max() / scale < 3e-6
