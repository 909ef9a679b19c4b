"""Whatever stands in a recipe, reading it gives a recipe or a declared error."""

import random
from pathlib import Path

import pytest

from nadoo_core.errors import NadooError
from nadoo_core.recipe import read_recipe_text
from tests.core.recipe.test_reading import FULL
from tests.core.runs.toys import toy_registry

QUICK = 2000
THOROUGH = 20_000
WORDS = (
    "[", "]", "{", "}", "=", "nan", "inf", "-1", "9e999", "9223372036854775808", "true", '""', '"\\u0000"', "''",
    "2020-01-01", "[[step]]", "[model]", '"../x"', '"a" = ', "step = 1", 'extends = "full"', "\n", ".", "名", "\x00",
    'pass = "jitter"', 'name = "model"', "[[[", "1_0", "0x10", '"""', "#", "{ x = { y = [ { } ] } }",
)  # fmt: skip


def mutated(text: str, source: random.Random) -> str:
    """A recipe with a few lines, words or characters changed."""
    lines = text.splitlines()
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(lines))
        kind = source.randrange(6)
        if kind == 0:
            lines.insert(place, source.choice(lines))
        elif kind == 1 and len(lines) > 2:
            del lines[place]
        elif kind == 2:
            lines[place] = source.choice(WORDS) + lines[place]
        elif kind == 3:
            key, _, _ = lines[place].partition("=")
            lines[place] = f"{key}= {source.choice(WORDS)}"
        elif kind == 4 and lines[place]:
            position = source.randrange(len(lines[place]))
            lines[place] = lines[place][:position] + source.choice(WORDS) + lines[place][position + 1 :]
        else:
            other = source.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
    return "\n".join(lines)


def read_mutations(count: int, folder: Path) -> tuple[int, int]:
    """How many mutations were read and how many refused; any other end is the test's failure."""
    (folder / "models.py").touch()
    (folder / "w.safetensors").touch()
    source, read, refused = random.Random(20), 0, 0  # noqa: S311 - nothing secret
    for _ in range(count):
        text = mutated(FULL, source)
        change = source.choice([(), (f"{source.choice(WORDS)}={source.choice(WORDS)}",), ("scale-weights.factor=1",)])
        try:
            read_recipe_text(text, folder=folder, registry=toy_registry(), changes=change)
            read += 1
        except NadooError as error:
            refused += bool(error.problems) and all(item.where and item.message for item in error.problems)
    return read, refused


def test_a_mutated_recipe_is_read_or_refused_with_a_declared_error(tmp_path: Path) -> None:
    """Law: for every text, `read_recipe_text` returns or raises a NadooError with located problems."""
    read, refused = read_mutations(QUICK, tmp_path)
    assert read + refused == QUICK
    assert read > QUICK // 100
    assert refused > QUICK // 2


@pytest.mark.slow
def test_twenty_thousand_mutations(tmp_path: Path) -> None:
    """The same law, long enough to meet rarer mistakes."""
    assert sum(read_mutations(THOROUGH, tmp_path)) == THOROUGH
