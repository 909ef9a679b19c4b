"""JSON as a saved graph may hold it: bounded in length and depth, no key twice, no NaN.

Python's parser recurses, so the depth is counted over the text before anything is parsed.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from nadoo_graphs.errors import Code, LoadError, Problem

DEEPEST = 100
TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
OTHER = re.compile(r"[^\[\]{}]+")


def parse(text: bytes, where: str) -> Any:
    """The document that the bytes are, or a refusal that names the place."""
    try:
        document = text.decode()
        require_shallow(document, where)
        return json.loads(document, object_pairs_hook=unique, parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise refusal(where, f"byte {error.start} is not UTF-8; the file is damaged or no graph") from error
    except ValueError as error:
        raise refusal(where, f"is not strict JSON: {error}") from error
    except RecursionError as error:
        raise refusal(where, f"nests deeper than {DEEPEST} levels", Code.LIMIT) from error


def require_shallow(document: str, where: str) -> None:
    """Refuse a nesting that no graph has and that recursion cannot follow."""
    brackets = OTHER.sub("", TEXT.sub("", document))
    depths = accumulate(1 if bracket in "[{" else -1 for bracket in brackets)
    if max(depths, default=0) > DEEPEST:
        raise refusal(where, f"nests deeper than {DEEPEST} levels", Code.LIMIT)


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object, unless a key is given twice: the parser would silently keep the last."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
    raise ValueError(f"key {repeated[:60]!r} is given twice in one object; keep one")


def no_constant(name: str) -> Any:
    """NaN and the infinities are no JSON; the form of a graph has tags for them."""
    raise ValueError(f'{name} is not a JSON number; write {{"float": …}} where an attribute may hold it')


def refusal(where: str, message: str, code: Code = Code.SCHEMA) -> LoadError:
    """The error of a document that cannot be read at all."""
    return LoadError(Problem(code, where, message))
