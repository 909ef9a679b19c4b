"""Masters of chosen levels: they encode to them in every format, and lie as near to the old weight as that allows."""

import pytest
import torch

from nadoo_core.quantizing import Book
from nadoo_graphs.formats import Format, standard_formats
from nadoo_quantization.masters import MARGIN, master_within

FORMATS = [
    row
    for row in standard_formats()
    if row.codec is not None and row.levels() and row.bits <= 8 and not getattr(row.codec, "whole", False)
]


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_masters_encode_to_the_levels(row: Format) -> None:
    generator, book = torch.Generator().manual_seed(0), Book.of(row)
    original = torch.randn(4, 40, generator=generator)
    scale = torch.rand(4, 1, generator=generator, dtype=torch.float64) * float(row.scale_of(2.0)) + 1e-3
    levels = book.levels[torch.randint(len(book.levels), (4, 40), generator=generator)]
    found = master_within(levels, scale, original, row, book)
    decoded = row.decode(row.encode(found, scale, allow_degenerate=True), scale, None, torch.float64)
    wanted = row.decode(row.encode(levels * scale, scale, allow_degenerate=True), scale, None, torch.float64)
    assert torch.equal(decoded, wanted)


def test_what_lies_within_its_level_stays_and_the_rest_goes_to_the_border() -> None:
    row = standard_formats()["int4"]
    levels, scale = torch.tensor([[1.0, 1.0, 1.0, 7.0]], dtype=torch.float64), torch.tensor([[0.5]]).double()
    found = master_within(levels, scale, torch.tensor([[0.6, 3.0, -3.0, 9.0]]), row, Book.of(row))
    edge = 0.5 * (1 - MARGIN)
    expected = torch.tensor([[0.6, 0.5 * (1 + edge), 0.5 * (1 - edge), 9.0]])
    torch.testing.assert_close(found, expected)
