"""The store: what is published is found again, shared, checked, pruned, and never half there."""

import json
import multiprocessing
import os
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_core.errors import OptionError, RunError, StoreError
from nadoo_core.store import Entry, Store, default_store
from nadoo_core.store.locks import exclusive, held
from nadoo_graphs.graph import ModelGraph


def graph(value: float = 1.0, name: str = "fc") -> ModelGraph:
    """A linear layer."""
    made = ModelGraph("tiny")
    x = made.add_input("x", ("N", 4))
    weights = {"weight": torch.full((3, 4), value), "bias": torch.zeros(3)}
    made.set_outputs([made.add("linear", [x], name=name, tensors=weights)])
    return made


def key(number: int) -> str:
    return f"{number:064x}"


def publish(store: Store, number: int, made: ModelGraph | None = None) -> Entry:
    record: dict[str, Any] = {"number": number}
    if made is not None:
        record["fingerprint"] = made.fingerprint()
    return store.publish(key(number), "step", f"step {number}", inputs={"a": 1}, record=record, graph=made)


def data_file(entry: Entry) -> Path:
    """The file with all small tensors."""
    return entry.graph_folder / entry.files["small"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_is_published_is_found_with_its_graph(store: Store) -> None:
    made = graph()
    publish(store, 1, made)
    entry = store.find(key(1))
    assert entry is not None
    assert (entry.kind, entry.title, entry.inputs, entry.record["number"]) == ("step", "step 1", {"a": 1}, 1)
    assert entry.created.tzinfo is UTC
    assert store.load(entry).fingerprint() == made.fingerprint()
    assert store.find(key(2)) is None


def test_an_entry_without_a_graph_has_no_files(store: Store) -> None:
    assert publish(store, 1).files == {}


def test_a_store_that_does_not_exist_is_empty(store: Store) -> None:
    assert (store.entries(), store.bytes(), store.prune(0).entries) == ((), 0, 0)
    assert not store.folder.exists()


def test_equal_content_is_one_file(store: Store) -> None:
    first, second = publish(store, 1, graph(1.0, "a")), publish(store, 2, graph(1.0, "b"))
    assert first.files["small"] == second.files["small"]
    assert data_file(first).samefile(data_file(second))
    assert store.load(second).fingerprint() == graph(1.0, "b").fingerprint()


def wide(*values: float) -> ModelGraph:
    """Layers of a megabyte each."""
    made = ModelGraph("wide")
    value = made.add_input("x", ("N", 512))
    for index, number in enumerate(values):
        value = made.add("linear", [value], name=f"layer{index}", tensors={"weight": torch.full((512, 512), number)})
    made.set_outputs([value])
    return made


def test_only_the_large_tensors_that_changed_are_written_again(store: Store) -> None:
    before = wide(1.0, 2.0, 3.0)
    publish(store, 1, before)
    size = store.bytes()
    after = before.copy()
    after.set_tensor("layer1.weight", torch.full((512, 512), 4.0))
    entry = publish(store, 2, after)
    assert store.load(entry).fingerprint() == after.fingerprint()
    assert 1024**2 <= store.bytes() - size < 1024**2 + 20_000


def test_equal_large_tensors_are_one_file(store: Store) -> None:
    entry = publish(store, 1, wide(1.0, 1.0))
    assert store.load(entry).fingerprint() == wide(1.0, 1.0).fingerprint()
    assert store.bytes() < 1024**2 + 20_000


def test_tensors_of_every_kind_come_back(store: Store) -> None:
    made = graph()
    for index, value in enumerate((torch.zeros(0, 3), torch.tensor(True), torch.arange(3, dtype=torch.int8),
                                   torch.ones(2, dtype=torch.complex128), torch.ones(3, dtype=torch.bfloat16),
                                   torch.tensor([float("nan")]))):  # fmt: skip
        made.add_tensor(f"extra{index}", value)
        made.add("tensor", [], name=f"node{index}", tensors={"value": f"extra{index}"})
    found = store.load(publish(store, 1, made))
    assert found.fingerprint() == made.fingerprint()


def test_without_hard_links_files_are_copied(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first, second = publish(store, 1, graph()), publish(store, 2, graph())
    assert store.load(second).fingerprint() == graph().fingerprint()
    assert not data_file(first).samefile(data_file(second))


# --- damage -----------------------------------------------------------------------------------------------------------


def flip(path: Path, position: int = -1) -> None:
    """Change one byte in place, as a bad disk or a careless hand does."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["small", "large", "graph.json"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "missing"])
def test_an_altered_graph_is_noticed_when_it_is_read(kind: str, harm: str, store: Store) -> None:
    made = wide(1.0)
    made.add_tensor("layer0.bias", torch.zeros(512))
    entry = publish(store, 1, made)
    names = {"small": entry.files["small"], "large": made.tensors["layer0.weight"].digest(), "graph.json": "graph.json"}
    path = entry.graph_folder / names[kind]
    if harm == "flipped":
        flip(path)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.unlink()
    with pytest.raises(StoreError, match="is damaged"):
        store.load(entry)
    store.discard(key(1))
    assert store.load(publish(store, 1, made)).fingerprint() == made.fingerprint()


def test_an_altered_record_is_noticed_when_it_is_found(store: Store) -> None:
    entry = publish(store, 1, graph())
    path = entry.folder / "entry.json"
    path.write_text(path.read_text().replace('"number": 1', '"number": 2'))
    with pytest.raises(StoreError, match="its content is not what was written"):
        store.find(key(1))
    assert store.entries() == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"key": 1}', b"\xff", b"[" * 100_000])
def test_nonsense_in_the_place_of_a_record_is_damage(content: bytes, store: Store) -> None:
    (publish(store, 1).folder / "entry.json").write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        store.find(key(1))


def test_a_graph_of_another_entry_is_damage(store: Store) -> None:
    first, second = publish(store, 1, graph(1.0)), publish(store, 2, graph(2.0))
    document = json.loads((first.folder / "entry.json").read_text())
    assert document["key"] == key(1)
    (first.folder / "entry.json").write_text((second.folder / "entry.json").read_text())
    with pytest.raises(StoreError, match="its content is not what was written"):
        store.find(key(1))


def test_a_discarded_entry_can_be_published_again_although_its_shared_file_was_altered(store: Store) -> None:
    entry = publish(store, 1, graph())
    flip(data_file(entry))
    store.discard(key(1))
    assert store.find(key(1)) is None
    assert store.load(publish(store, 1, graph())).fingerprint() == graph().fingerprint()


def test_an_entry_that_is_there_is_kept_and_a_damaged_one_replaced(store: Store) -> None:
    first = publish(store, 1, graph(1.0))
    assert store.load(publish(store, 1, graph(2.0))).fingerprint() == graph(1.0).fingerprint()
    (first.folder / "entry.json").write_text("{")
    assert store.load(publish(store, 1, graph(2.0))).fingerprint() == graph(2.0).fingerprint()


# --- size -------------------------------------------------------------------------------------------------------------


def aged(store: Store, *numbers: int) -> None:
    """Let entries be used in this order, a minute apart, the last one now."""
    for index, number in enumerate(reversed(numbers)):
        moment = time.time() - 60 * index
        os.utime(store.entry_folder(key(number)) / "entry.json", (moment, moment))


def numbers(store: Store) -> list[int]:
    return [entry.record["number"] for entry in store.entries()]


def test_what_was_not_used_for_longest_goes_first(store: Store) -> None:
    for number in (1, 2, 3):
        publish(store, number, graph(float(number)))
    aged(store, 2, 1, 3)
    assert numbers(store) == [3, 1, 2]
    pruned = store.prune(store.bytes() - 1)
    assert pruned.entries == 1
    assert pruned.left_bytes == store.bytes()
    assert numbers(store) == [3, 1]
    store.find(key(1))
    assert numbers(store) == [1, 3]


def test_a_shared_file_goes_with_its_last_user(store: Store) -> None:
    first = publish(store, 1, graph(1.0))
    publish(store, 2, graph(1.0))
    aged(store, 1, 2)
    shared = store.folder / "objects" / first.files["small"][:2] / first.files["small"]
    store.prune(store.bytes() - 1)
    assert shared.exists()
    store.prune(0)
    assert not shared.exists()
    assert store.bytes() <= 0 + (store.folder / "lock").stat().st_size


def test_a_limit_is_kept_at_each_publication_but_never_at_the_cost_of_what_a_run_uses(tmp_path: Path) -> None:
    small = Store(tmp_path / "store", limit_bytes=1)
    publish(small, 1, graph(1.0))
    publish(small, 2, graph(2.0))
    assert numbers(small) == [2]
    small.publish(key(3), "step", "", inputs={}, record={"number": 3}, keep={key(2)})
    assert sorted(numbers(small)) == [2, 3]


def test_pruning_removes_what_nobody_can_read_and_old_checkpoints(store: Store) -> None:
    (publish(store, 1).folder / "entry.json").write_text("{")
    old = store.training_folder(key(5))
    new = store.training_folder(key(6))
    os.utime(old, (0, 0))
    store.prune(10**9)
    assert list(store.folders()) == []
    assert not old.exists()
    assert new.exists()
    store.prune(0)
    assert not new.exists()


def test_what_a_dead_process_left_is_removed(store: Store) -> None:
    publish(store, 1)
    left = store.folder / "temporary" / "abc"
    left.mkdir()
    os.utime(left, (0, 0))
    publish(store, 2)
    assert not left.exists()


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_a_clear_error_and_leaves_no_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        publish(store, 2, graph())
    monkeypatch.undo()
    assert store.find(key(2)) is None
    assert list((store.folder / "temporary").iterdir()) == []
    assert store.load(publish(store, 2, graph())).fingerprint() == graph().fingerprint()


def test_a_store_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="could not be written"):
        publish(Store(tmp_path / "file" / "store"), 1)


def publish_many(folder: str) -> None:
    torch.set_num_threads(1)
    for number in range(12):
        publish(Store(Path(folder)), number, graph(float(number % 3)))


def test_two_processes_may_publish_at_the_same_time(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=publish_many, args=(str(store.folder),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(numbers(store)) == list(range(12))
    assert all(store.load(entry) for entry in store.entries())


def test_a_held_lock_refuses_a_second_holder_and_names_the_first(tmp_path: Path) -> None:
    message = f"folder 'x': process {os.getpid()} on .* works here; wait for it"
    lock = tmp_path / "lock"
    with held(lock, "folder 'x'"), pytest.raises(RunError, match=message), held(lock, "folder 'x'"):
        pytest.fail("was given twice")
    with held(lock, "folder 'x'"), exclusive(tmp_path / "other"):
        pass


# --- where it is ------------------------------------------------------------------------------------------------------


def test_the_users_store_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NADOO_STORE", raising=False)
    monkeypatch.delenv("NADOO_STORE_LIMIT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_store() == Store(tmp_path / "nadoo" / "store", 20 * 1024**3)
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "mine"))
    monkeypatch.setenv("NADOO_STORE_LIMIT", "3 MiB")
    assert default_store() == Store(tmp_path / "mine", 3 * 1024**2)
    monkeypatch.setenv("NADOO_STORE_LIMIT", "3 MB")
    with pytest.raises(OptionError, match="MB could be a thousand or 1024"):
        default_store()
