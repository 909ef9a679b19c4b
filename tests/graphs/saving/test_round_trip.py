"""What is saved is what is loaded, and saving it again gives the same bytes."""

from pathlib import Path

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from safetensors.torch import load_file

from nadoo_graphs.contract import Contract, Structure
from nadoo_graphs.errors import GraphError, SaveError
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.saving import load, save
from nadoo_graphs.saving.tensor_file import DTYPES
from nadoo_graphs.values import ELEMENT_BITS
from tests.graphs.random_graphs import graphs
from tests.graphs.saving.samples import (
    change,
    contents,
    data_file,
    every_dtype,
    graph_of_tensors,
    ramp,
    read,
    rich_graph,
    saved,
    tiny_graph,
)
from tests.graphs.small_ops import small_ops


def assert_same(left: ModelGraph, right: ModelGraph) -> None:
    """Two graphs agree in everything that can be asked of them."""
    assert left.text() == right.text()
    assert left.fingerprint() == right.fingerprint()
    assert left.contract == right.contract
    assert left.state_order == right.state_order
    assert dict(left.aliases) == dict(right.aliases)
    assert [node.origin for node in left] == [node.origin for node in right]
    for name, record in left.tensors.items():
        other = right.tensors[name]
        flags = (record.type, record.role, record.persistent, record.trainable)
        assert flags == (other.type, other.role, other.persistent, other.trainable)
        assert record.digest() == other.digest()


@pytest.mark.parametrize("make", [tiny_graph, rich_graph])
def test_a_loaded_graph_is_the_saved_one(make: type[ModelGraph], tmp_path: Path) -> None:
    graph = make()
    loaded = load(saved(graph, tmp_path))
    assert_same(graph, loaded)
    assert loaded.violations() == ()


@pytest.mark.parametrize("make", [tiny_graph, rich_graph])
def test_saving_a_loaded_graph_gives_the_same_bytes(make: type[ModelGraph], tmp_path: Path) -> None:
    first = saved(make(), tmp_path)
    again = save(load(first), tmp_path / "again")
    assert contents(first) == contents(again)


@given(graph=graphs)
@settings(max_examples=40)
def test_every_random_graph_survives(tmp_path_factory: pytest.TempPathFactory, graph: ModelGraph) -> None:
    """Law: load(save(g)) equals g, and save(load(save(g))) has the bytes of save(g)."""
    home = tmp_path_factory.mktemp("random")
    first = saved(graph, home)
    loaded = load(first, ops=small_ops())
    assert_same(graph, loaded)
    assert contents(first) == contents(save(loaded, home / "again"))


def test_examples_come_back(tmp_path: Path) -> None:
    graph = rich_graph()
    loaded = load(saved(graph, tmp_path))
    for before, after in zip(graph.contract.inputs, loaded.contract.inputs, strict=True):
        assert before.example is not None
        assert after.example is not None
        assert torch.equal(before.example, after.example)


def test_a_loaded_graph_can_be_edited_before_its_output(tmp_path: Path) -> None:
    loaded = load(saved(tiny_graph(), tmp_path))
    loaded.insert_after("fc", "tanh", name="soft")
    assert loaded.order()[-1] == "output"
    assert loaded.violations() == ()


def test_every_dtype_survives_bit_by_bit(tmp_path: Path) -> None:
    tensors = every_dtype()
    assert set(tensors) == set(ELEMENT_BITS)
    loaded = load(saved(graph_of_tensors(tensors), tmp_path))
    for name, before in tensors.items():
        after = loaded.tensor(name)
        assert after.dtype == before.dtype
        assert torch.equal(after.view(torch.uint8), before.view(torch.uint8))


def test_every_dtype_but_one_has_a_name_in_the_file() -> None:
    assert set(ELEMENT_BITS) - set(DTYPES.values()) == {"complex128"}


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 4)])
def test_every_shape_survives(shape: tuple[int, ...], tmp_path: Path) -> None:
    loaded = load(saved(graph_of_tensors({"value": ramp(*shape)}), tmp_path))
    assert torch.equal(loaded.tensor("value"), ramp(*shape))


def test_tensors_of_odd_lengths_are_read_from_any_place(tmp_path: Path) -> None:
    lengths = {f"t{count}": torch.arange(count, dtype=torch.int8) for count in (1, 3, 5, 7)}
    wide = {f"w{count}": torch.arange(count, dtype=torch.int16) for count in (1, 3)}
    loaded = load(saved(graph_of_tensors({**lengths, **wide}), tmp_path))
    for name, value in {**lengths, **wide}.items():
        assert torch.equal(loaded.tensor(name), value)


def test_views_of_one_storage_are_saved_each(tmp_path: Path) -> None:
    whole = ramp(4, 4)
    views = {"whole": whole, "row": whole[1], "turned": whole.t(), "again": whole.view(-1)}
    loaded = load(saved(graph_of_tensors(views), tmp_path))
    assert all(torch.equal(loaded.tensor(name), value) for name, value in views.items())


def codes_of(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Some codes of a format."""
    form = standard_formats()[name]
    if form.codec is None or form.dtype.is_floating_point:
        return torch.full(shape, 0 if form.has_zero else int(form.maximum), dtype=form.dtype)
    return form.encode(ramp(*shape).clamp(0 if form.minimum >= 0 else -1, 1), 0.5)


@pytest.mark.parametrize("name", standard_formats().names)
@pytest.mark.parametrize("shape", [(3, 5), (7,), (2, 3, 3)])
def test_every_number_format_survives(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    graph, codes = ModelGraph("packed"), codes_of(name, shape)
    graph.add_tensor("codes", codes, "constant", format=name)
    graph.set_outputs([graph.add("tensor", tensors={"value": "codes"})])
    home = saved(graph, tmp_path)
    loaded = load(home)
    assert loaded.record("codes").format == name
    assert torch.equal(loaded.tensor("codes"), codes)
    assert loaded.fingerprint() == graph.fingerprint()
    assert contents(home) == contents(save(loaded, tmp_path / "again"))


def test_narrow_formats_are_packed_into_bytes(tmp_path: Path) -> None:
    graph = ModelGraph("packed")
    graph.add_tensor("codes", torch.ones(4, 64, dtype=torch.int8), "constant", format="int4")
    graph.set_outputs([graph.add("tensor", tensors={"value": "codes"})])
    stored = load_file(data_file(saved(graph, tmp_path)))["codes"]
    assert (stored.dtype, tuple(stored.shape)) == (torch.uint8, (4, 32))


def test_codes_that_are_none_are_refused(tmp_path: Path) -> None:
    graph = ModelGraph("packed")
    graph.add_tensor("codes", torch.full((2, 2), 100, dtype=torch.int8), "constant", format="int4")
    graph.set_outputs([graph.add("tensor", tensors={"value": "codes"})])
    with pytest.raises(SaveError, match="not in the format"):
        saved(graph, tmp_path)
    assert not (tmp_path / "graph").exists()


def test_other_tools_read_the_data_file(tmp_path: Path) -> None:
    found = load_file(data_file(saved(tiny_graph(), tmp_path)))
    assert torch.equal(found["fc.weight"], ramp(3, 4))
    assert set(found) == {"fc.weight", "fc.bias", "mask"}


def test_a_fingerprint_after_loading_hashes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = tiny_graph()
    loaded = load(saved(graph, tmp_path))
    expected = graph.fingerprint()
    monkeypatch.setattr("nadoo_graphs.tensors.content_digest", pytest.fail)
    assert loaded.fingerprint() == expected


def test_a_loaded_graph_does_not_depend_on_its_file(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    loaded = load(home)
    data_file(home).write_bytes(b"\0" * data_file(home).stat().st_size)
    assert torch.equal(loaded.tensor("fc.weight"), ramp(3, 4))


def test_a_folder_can_be_moved(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path).rename(tmp_path / "elsewhere")
    assert_same(load(home), tiny_graph())


def test_a_graph_without_tensors_has_no_data_file(tmp_path: Path) -> None:
    graph = ModelGraph("bare")
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N",))])])
    home = saved(graph, tmp_path)
    assert [path.name for path in home.iterdir()] == ["graph.json"]
    assert_same(load(home), graph)


def test_equal_graphs_have_equal_files_whatever_the_order_of_insertion(tmp_path: Path) -> None:
    forward = graph_of_tensors({"a": ramp(2), "b": ramp(3)})
    backward = graph_of_tensors({"b": ramp(3), "a": ramp(2)})
    first, second = saved(forward, tmp_path), save(backward, tmp_path / "other")
    assert data_file(first).name == data_file(second).name
    assert data_file(first).read_bytes() == data_file(second).read_bytes()


def test_parameters_that_are_not_finite_can_be_admitted(tmp_path: Path) -> None:
    graph = graph_of_tensors({"weight": torch.tensor([1.0, float("nan")])}, "parameter")
    loaded = load(saved(graph, tmp_path), allow_nonfinite=True)
    assert loaded.tensor("weight").isnan().tolist() == [False, True]


def test_an_operator_off_the_list_can_be_admitted(tmp_path: Path) -> None:
    home = change(saved(rich_graph(), tmp_path), use_unknown_operator)
    assert load(home, allow_operators=["mine.sort.default"])["sort"].attributes["target"] == "mine.sort.default"


def use_unknown_operator(document: dict[str, object]) -> None:
    text = "mine.sort.default"
    nodes = document["nodes"]
    assert isinstance(nodes, list)
    next(item for item in nodes if item["name"] == "sort")["attributes"]["target"] = text


def test_a_graph_that_is_not_valid_is_not_saved(tmp_path: Path) -> None:
    graph = ModelGraph("open")
    graph.add_input("x", ("N",))
    with pytest.raises(SaveError, match="E06 graph: has 0 output nodes"):
        saved(graph, tmp_path)
    assert not (tmp_path / "graph").exists()


def test_a_container_of_a_users_class_is_not_saved(tmp_path: Path) -> None:
    graph = tiny_graph()
    leaves = (Structure(), Structure())
    graph.contract = Contract(results=Structure("custom", leaves, type_name="Result"))
    with pytest.raises(SaveError, match="class 'Result', which no file can; let the model take and return tuples"):
        saved(graph, tmp_path)


def test_an_operator_off_the_list_can_be_saved_but_not_its_arguments(tmp_path: Path) -> None:
    graph = rich_graph()
    attributes = {**graph["sort"].attributes, "target": "mine.sort.default"}
    graph._replace_node(evolve(graph["sort"], attributes=attributes))
    saved(graph, tmp_path)
    graph._replace_node(evolve(graph["sort"], attributes={**attributes, "keywords": (("device", ("torch", "load")),)}))
    with pytest.raises(SaveError, match=r"E07 .* has an argument \('torch', 'load'\)"):
        saved(graph, tmp_path)


@pytest.mark.parametrize("name", ["__metadata__", "x" * 513])
def test_a_tensor_name_that_no_file_can_hold_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"E02|E13"):
        saved(graph_of_tensors({name: ramp(2)}), tmp_path)


def test_what_save_writes_names_its_version(tmp_path: Path) -> None:
    document = read(saved(tiny_graph(), tmp_path))
    assert (document["schema"], document["version"]) == ("nadoo-graph", 1)


def test_refusals_are_graph_errors(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"E05 file 'graph\.json': cannot be read"):
        load(tmp_path)
