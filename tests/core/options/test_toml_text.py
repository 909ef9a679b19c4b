"""Documents that are written as TOML read as what they were."""

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.options.toml_text import toml_text

texts = st.text("abc.-_ \"'\\é", min_size=1, max_size=6)
leaves = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), texts)
tables = st.recursive(
    st.dictionaries(texts, leaves, max_size=3),
    lambda inner: st.dictionaries(texts, st.one_of(leaves, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3),
    max_leaves=12,
)


@settings(max_examples=60)
@given(tables)
def test_any_document_reads_as_it_was_written(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(document)) == document
