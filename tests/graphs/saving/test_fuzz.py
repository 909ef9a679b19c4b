"""Twenty thousand damaged graphs: each is refused with a declared error or is a valid graph, and nothing happens.

Nothing happening is watched by Python's own audit events: a load opens files for reading, and that is all.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from nadoo_graphs.encoding import canonical
from nadoo_graphs.errors import LoadError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.saving import Limits, load
from tests.graphs.saving.samples import contents, rich_graph, saved
from tests.graphs.saving.wide_graph import wide_graph

MUTATIONS = 20_000
ROUNDS = 20
SMALL = Limits(document_bytes=2**20, data_bytes=2**20, header_bytes=2**16)
FORBIDDEN = (
    "compile", "exec", "import", "ctypes.", "marshal.", "pickle.", "shutil.", "socket.", "subprocess.", "tempfile.",
    "os.chmod", "os.exec", "os.fork", "os.kill", "os.link", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove",
    "os.rename", "os.rmdir", "os.spawn", "os.symlink", "os.system", "os.truncate", "os.utime",
)  # fmt: skip
WRITING = set("wax+")
BITS = (8, 31, 32, 53, 62, 64, 1300)
NUMBERS = (0, 1, -1, 2, 10**12, 2**63 - 1, -(2**63), *(2**bits for bits in BITS), 0.5, 1e308)
TEXTS = (
    "", "N", "x", "fc", "act", "output", "N*N*N", "4*N", "(N)//(2)", "N//0", "-N", "float32", "int8", "../x",
    "/etc/passwd", "a" * 600, "\0", "\n", "\ud800", "é", "os.system", "aten.from_file.default", "torch.load",
    "opaque", "tensor", "input", "split", "lstm", "write", "custom", "leaf", "int4", "graph.json", "nan", "0" * 64,
)  # fmt: skip
NUMERIC = (int, float)
Slot: TypeAlias = tuple[Any, Any]
Mutation: TypeAlias = Callable[[random.Random, Any], None]


class Watch:
    """Counts what Python reports while it is switched on."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and (event.startswith(FORBIDDEN) or (event == "open" and self.writes(*arguments))):
            self.seen.append(f"{event} {arguments}")

    def writes(self, path: object, mode: str | None, flags: int) -> bool:
        return bool(set(mode or "") & WRITING) or bool(flags & 3)


@pytest.fixture(scope="module")
def watch() -> Watch:
    """One for all: an audit hook cannot be taken back."""
    return Watch()


# --- damage to the document -------------------------------------------------------------------------------------------


def pick(chance: random.Random, document: Any, kinds: tuple[type, ...] = (object,)) -> Slot:
    """A place in a document that holds a value of a kind, or of any if there is none near; mostly in a node."""
    nodes = document.get("nodes") if isinstance(document, dict) else None
    for _ in range(20):
        container = nodes if nodes and isinstance(nodes, dict | list) and chance.random() < 0.7 else document
        key = some_key(chance, container)
        while isinstance(container[key], dict | list) and container[key] and chance.random() < 0.95:
            container = container[key]
            key = some_key(chance, container)
        if isinstance(container[key], kinds) and not (kinds == NUMERIC and isinstance(container[key], bool)):
            return container, key
    return document, some_key(chance, document)


def some_key(chance: random.Random, container: Any) -> Any:
    return chance.choice(list(container)) if isinstance(container, dict) else chance.randrange(len(container))


def replace_value(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document)
    container[key] = chance.choice([None, True, False, [], {}, chance.choice(NUMBERS), chance.choice(TEXTS)])


def change_number(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document, NUMERIC)
    number = container[key] if isinstance(container[key], NUMERIC) else 0
    container[key] = chance.choice([number + 1, number - 1, -number, *NUMBERS])


def change_text(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document, (str,))
    other, other_key = pick(chance, document, (str,))
    text = str(container[key])[:600]
    container[key] = chance.choice([deepcopy(other[other_key]), chance.choice(TEXTS), text[1:], text * 2])


def delete(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document)
    del container[key]


def duplicate(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document)
    if isinstance(container, list):
        container.insert(chance.randrange(len(container) + 1), deepcopy(container[key]))
    else:
        container[f"{key}{chance.choice(['', '_', '2'])}"] = deepcopy(container[key])


def rename(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document)
    if isinstance(container, dict):
        container[chance.choice([*TEXTS, key.upper()])] = container.pop(key)
    else:
        container.reverse()


def exchange(chance: random.Random, document: Any) -> None:
    (left, first), (right, second) = pick(chance, document), pick(chance, document)
    left[first], right[second] = deepcopy(right[second]), deepcopy(left[first])


def nest(chance: random.Random, document: Any) -> None:
    container, key = pick(chance, document)
    for _ in range(chance.choice([1, 2, 90, 300])):
        container[key] = [container[key]] if chance.random() < 0.5 else {"size": container[key]}


def lengthen(chance: random.Random, document: Any) -> None:
    container, _ = pick(chance, document)
    if isinstance(container, list):
        container.extend(deepcopy(container) * chance.choice([1, 2, 100]))


MUTATORS: tuple[Mutation, ...] = (
    replace_value, replace_value, change_number, change_number, change_text, change_text, delete, duplicate, rename,
    exchange, nest, lengthen,
)  # fmt: skip


def damaged_document(chance: random.Random, text: bytes) -> bytes:
    """A document with one to three things changed; it is mostly JSON still."""
    document = json.loads(text)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        if document:
            chance.choice(MUTATORS)(chance, document)
    return canonical_enough(document)


def canonical_enough(document: Any) -> bytes:
    try:
        return canonical(document).encode()
    except (UnicodeEncodeError, RecursionError):
        return json.dumps(document).encode()


# --- damage to bytes --------------------------------------------------------------------------------------------------


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    """Bytes with flipped bits, a piece cut out, repeated, or overwritten."""
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    kind = chance.randrange(5)
    if kind == 0:
        return data[:start]
    if kind == 1:
        return data[:start] + data[end:]
    if kind == 2:
        return data[:end] + data[start:]
    if kind == 3:
        return data[:start] + chance.randbytes(min(8, end - start)) + data[start + min(8, end - start) :]
    position = chance.randrange(len(data))
    return data[:position] + bytes([data[position] ^ (1 << chance.randrange(8))]) + data[position + 1 :]


def damaged(chance: random.Random, name: str, data: bytes) -> bytes:
    """A damaged version of a file."""
    if name == "graph.json" and chance.random() < 0.8:
        return damaged_document(chance, data)
    return damaged_bytes(chance, data)


# --- the law ----------------------------------------------------------------------------------------------------------


def outcome(home: Path, watch: Watch) -> ModelGraph | LoadError:
    """What a load gives, watched."""
    watch.on = True
    try:
        return load(home, limits=SMALL)
    except LoadError as error:
        return error
    finally:
        watch.on = False


def damages(chance: random.Random, files: dict[str, bytes], count: int) -> Iterator[tuple[str, bytes]]:
    """File names and damaged contents; the document is damaged most often."""
    names = sorted(files)
    weights = [8 if name == "graph.json" else 1 for name in names]
    for name in chance.choices(names, weights, k=count):
        yield name, damaged(chance, name, files[name])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_damaged_graph_is_refused_or_valid_and_nothing_happens(seed: int, watch: Watch, tmp_path: Path) -> None:
    """Law: load gives a graph without violations, or raises LoadError with codes; no event but reading."""
    home = saved(rich_graph() if seed % 4 else wide_graph(), tmp_path)
    files = contents(home)
    outcome(home, watch)
    watch.seen.clear()
    refusals = 0
    chance = random.Random(seed)  # noqa: S311
    for name, data in damages(chance, files, MUTATIONS // ROUNDS):
        (home / name).write_bytes(data)
        found = outcome(home, watch)
        assert watch.seen == [], (seed, name, data)
        if isinstance(found, LoadError):
            refusals += 1
            assert found.codes, data
        else:
            assert found.violations() == ()
        (home / name).write_bytes(files[name])
    assert set(contents(home)) == set(files)
    assert refusals > MUTATIONS // ROUNDS // 2


@pytest.mark.parametrize(
    "act",
    [
        partial(exec, "1"),
        lambda: Path("/dev/null").write_text("x"),
        lambda: __import__("this_module_is_not_there_and_never_was"),
    ],
)
def test_the_watch_sees_what_must_not_happen(act: Callable[[], object], watch: Watch) -> None:
    watch.seen.clear()
    watch.on = True
    try:
        act()
    except ImportError:
        pass
    finally:
        watch.on = False
    assert watch.seen
    watch.seen.clear()
