"""Where a run's model comes from: functions, files beside the recipe, saved graphs, weights, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nadoo_core.errors import NadooError, RecipeError, RunError
from nadoo_core.recipe import read_recipe_text
from nadoo_core.runs import RunResult, run
from nadoo_graphs.errors import GraphError
from tests.core.runs.toys import DATA, toy_graph, toy_model, toy_registry

MODELS = """
import torch
from torch import nn
def net(width=16):
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3))
def two():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y
    return Two()
def number():
    return 3
def broken():
    raise OSError("no model today")
def loss(outputs, targets):
    return ((outputs.softmax(1)[torch.arange(len(targets)), targets] - 1) ** 2)
def score(outputs, targets):
    return (outputs.argmax(1) == targets).double().mean() * 2
class Data:
    name, classes = "own", ("a", "b", "c")
    def __init__(self, count):
        self.count = count
    def load(self, split):
        from nadoo_core.data import Examples
        generator = torch.Generator().manual_seed(len(split))
        return Examples(torch.randn(self.count, 8, generator=generator), torch.arange(self.count) % 3)
    def fingerprint(self):
        return f"own {self.count}"
"""
RENAME = '[[step]]\npass = "rename"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.py").write_text(MODELS)
    return tmp_path


def run_text(folder: Path, text: str, **options: object) -> RunResult:
    options = {"trust": True, "store": folder / "store", **options}
    recipe = read_recipe_text(text, folder=folder, registry=toy_registry())
    return run(recipe, registry=toy_registry(), **options)  # type: ignore[arg-type]


def test_a_function_beside_the_recipe_makes_the_model(folder: Path) -> None:
    text = f'[model]\npython = "models.py:net"\narguments = {{ width = 5 }}\n{DATA}{RENAME}'
    result = run_text(folder, text)
    assert result.graph.tensor("0.weight").shape == (5, 8)
    assert result.ledger["model"]["source"].endswith("models.py:net")


def test_new_weights_follow_from_the_seed(folder: Path) -> None:
    text = f'[model]\npython = "models.py:net"\n{DATA}'
    prints = [run_text(folder, f"seed = {seed}\n{text}").fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_without_trust_the_function_is_not_called(folder: Path) -> None:
    (folder / "models.py").write_text("raise SystemExit('must not be imported')")
    with pytest.raises(RecipeError, match=r"N14 recipe\.model\.python"):
        run_text(folder, f'[model]\npython = "models.py:net"\n{DATA}', trust=False)


def test_installed_functions_need_no_trust(folder: Path) -> None:
    text = '[model]\npython = "torch.nn:Linear"\narguments = { in_features = 4, out_features = 2 }\ninputs = [[2, 4]]\n'
    assert run_text(folder, text + RENAME, trust=False).graph.tensor("weight").shape == (2, 4)


@pytest.mark.parametrize("kind", ["safetensors", "state dict", "checkpoint"])
def test_weights_come_from_files_without_code(kind: str, folder: Path) -> None:
    state = toy_model().state_dict()
    if kind == "safetensors":
        save_file(state, folder / "w.safetensors")
    else:
        torch.save(state if kind == "state dict" else {"state_dict": state, "epoch": 3}, folder / "w.pt")
    name = "w.safetensors" if kind == "safetensors" else "w.pt"
    text = f'[model]\npython = "models.py:net"\nweights = "{name}"\n{DATA}'
    result = run_text(folder, text)
    assert torch.equal(result.graph.tensor("0.weight"), state["0.weight"])


def test_a_pickled_model_is_not_read_as_weights(folder: Path) -> None:
    torch.save(nn.Linear(2, 2), folder / "w.pt")
    with pytest.raises(RunError, match="does not fit the model or cannot be read"):
        run_text(folder, f'[model]\npython = "models.py:net"\nweights = "w.pt"\n{DATA}')


def test_weights_that_do_not_fit_are_refused_by_name(folder: Path) -> None:
    save_file({"0.weight": torch.zeros(16, 8), "stranger": torch.zeros(1)}, folder / "w.safetensors")
    with pytest.raises(RunError, match="stranger"):
        run_text(folder, f'[model]\npython = "models.py:net"\nweights = "w.safetensors"\n{DATA}')


def test_a_saved_graph_is_the_model(folder: Path) -> None:
    toy_graph().save(folder / "saved")
    result = run_text(folder, f'[model]\nfile = "saved"\n{DATA}', trust=False)
    assert result.fingerprint == toy_graph().fingerprint()


def test_a_saved_graph_that_was_altered_is_refused(folder: Path) -> None:
    toy_graph().save(folder / "saved")
    (folder / "saved" / "graph.json").write_text("{}")
    with pytest.raises(GraphError):
        run_text(folder, f'[model]\nfile = "saved"\n{DATA}')


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ('python = "models.py:broken"', "raised OSError: no model today"),
        ('python = "models.py:number"', "gives int; give a torch module or a ModelGraph"),
        ('python = "models.py:net"\narguments = { depth = 2 }', "raised TypeError"),
        ('file = "models.py"', "only folders of saved graphs can be read"),
    ],
)
def test_a_model_that_cannot_be_had_is_a_clear_error(model: str, message: str, folder: Path) -> None:
    with pytest.raises(NadooError, match=message):
        run_text(folder, f"[model]\n{model}\n{DATA}")


def test_a_recipe_without_a_model_says_so(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe\.model: is missing; add \[model\]"):
        run_text(folder, DATA)


def test_a_model_without_data_needs_declared_inputs(folder: Path) -> None:
    text = '[model]\npython = "models.py:net"\n'
    with pytest.raises(RecipeError, match=r"add \[data\], or inputs = "):
        run_text(folder, text)
    assert run_text(folder, f"{text}inputs = [[2, 8]]\n").graph.inputs[0].type.shape[1] == 8


def test_a_model_of_two_inputs_runs_without_metrics(folder: Path) -> None:
    result = run_text(folder, '[model]\npython = "models.py:two"\ninputs = [[2, 8], { shape = [2, 8] }]\n')
    assert result.ledger["result"]["metrics"] == {}


def test_a_model_of_two_inputs_cannot_be_had_with_data(folder: Path) -> None:
    with pytest.raises(RunError, match=r"recipe\.model\.python: takes the inputs x, y, and examples of data have one"):
        run_text(folder, '[model]\npython = "models.py:two"\n' + DATA + RENAME)


def test_own_data_loss_and_metric_are_used(folder: Path) -> None:
    text = """
[model]
python = "models.py:net"
[data]
dataset = "models.py:Data"
options = { count = 60 }
validation = 20
calibration = 10
[evaluation]
loss = "models.py:loss"
metric = "models.py:score"
[[step]]
pass = "learn"
epochs = 2
limit = { metric_drop = 2.0 }
"""
    result = run_text(folder, text)
    metrics = result.steps[0]["metrics"]
    assert set(metrics) == {"loss", "accuracy", "metric"}
    assert metrics["metric"]["value"] == pytest.approx(2 * metrics["accuracy"]["value"])
    assert 0 <= metrics["loss"]["value"] <= 1
    assert metrics["loss"]["count"] == 20
    assert result.steps[0]["limit"][0]["metric"] == "metric"
    (folder / "models.py").write_text(MODELS.replace("* 2", "* 3"))
    again = run_text(folder, text)
    assert again.steps[0]["reused"] is False
    assert again.steps[0]["metrics"]["metric"]["value"] == pytest.approx(3 * metrics["accuracy"]["value"])


PREPROCESSED = '[model]\npython = "models.py:net"\n[data]\npreprocess = "models.py:{function}"\n'
PREPARING = """
import torch
def doubled(inputs):
    return inputs * 2
def wide(inputs):
    return torch.cat([inputs, inputs], 1)
def fewer(inputs):
    return inputs[1:]
def text(inputs):
    return "nothing"
def fails(inputs):
    raise KeyError("axis")
"""


def preprocessed(function: str) -> str:
    return PREPROCESSED.format(function=function) + DATA.replace("[data]\n", "")


def test_the_inputs_are_what_the_preprocessing_makes_of_them(folder: Path) -> None:
    sixteen = "\ndef sixteen():\n    return nn.Linear(16, 3)\n"
    (folder / "models.py").write_text(MODELS + PREPARING + sixteen)
    result = run_text(folder, preprocessed("wide").replace(":net", ":sixteen", 1) + RENAME)
    assert [str(size) for size in result.graph.inputs[0].type.shape] == ["N", "16"]


def test_other_preprocessing_is_other_data(folder: Path) -> None:
    (folder / "models.py").write_text(MODELS + PREPARING)
    first = run_text(folder, preprocessed("doubled") + RENAME)
    (folder / "models.py").write_text(MODELS + PREPARING.replace("inputs * 2", "inputs * 3"))
    second = run_text(folder, preprocessed("doubled") + RENAME)
    losses = [result.ledger["original"]["metrics"]["loss"]["value"] for result in (first, second)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            "fewer",
            r"gave a tensor of torch.float32 and shape \[\d+, 8\] for \d+ examples; return a tensor with one row",
        ),
        ("text", r"gave str for \d+ examples"),
        ("fails", r"raised KeyError: 'axis'; it gets a tensor of torch.float32"),
        ("missing", r"has no 'missing'"),
    ],
)
def test_preprocessing_that_does_not_fit_is_refused(function: str, message: str, folder: Path) -> None:
    (folder / "models.py").write_text(MODELS + PREPARING)
    with pytest.raises(NadooError, match=message):
        run_text(folder, preprocessed(function) + RENAME)


def test_preprocessing_gets_no_images_to_vary(folder: Path) -> None:
    (folder / "models.py").write_text(MODELS + PREPARING)
    data = '[data]\npreprocess = "models.py:doubled"\ndataset = "digits"\noptions = { size = 4, vary_at = 8 }\n'
    with pytest.raises(NadooError, match=r"recipe\.data\.preprocess: gets no images .* leave vary_at out"):
        run_text(folder, f'[model]\npython = "models.py:net"\n{data}{RENAME}')


def test_preprocessing_beside_the_recipe_runs_only_with_trust(folder: Path) -> None:
    (folder / "models.py").write_text(MODELS + PREPARING)
    with pytest.raises(RecipeError, match=r"recipe\.data\.preprocess: names '.*models\.py:doubled', which is a file"):
        run_text(folder, preprocessed("doubled") + RENAME, trust=False)
