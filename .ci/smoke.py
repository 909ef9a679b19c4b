"""What a user of the wheel does first, run where nothing but the wheel and what it requires is installed."""

import importlib
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import nadoo_core as nadoo

PACKAGES = {"nadoo_cleanup", "nadoo_core", "nadoo_graphs", "nadoo_hardware", "nadoo_recipes", "nadoo_training"}


def shipped_packages() -> set[str]:
    """The top-level folders of the installed wheel, without its metadata and the scripts beside the interpreter."""
    files = importlib.metadata.files("nadoo") or []
    return {file.parts[0] for file in files if file.parts[0] != ".." and not file.parts[0].endswith(".dist-info")}


def installed_command() -> str:
    """What the installed command says of the plugins."""
    command = Path(sys.executable).with_name("nadoo")
    return subprocess.run([command, "plugins"], capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Capture a model, save it, load it and compare."""
    assert shipped_packages() == PACKAGES, f"the wheel holds {sorted(shipped_packages())}"
    for package in sorted(PACKAGES):
        module = importlib.import_module(package)
        assert Path(module.__file__ or "").with_name("py.typed").is_file(), f"{package} is not marked as typed"
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
    example = torch.randn(3, 4)
    graph = nadoo.capture(model, (example,))
    with tempfile.TemporaryDirectory() as folder:
        loaded = nadoo.load(graph.save(Path(folder) / "graph"))
    assert loaded.fingerprint() == graph.fingerprint()
    assert torch.equal(loaded.to_module().eval()(example), model(example))
    assert all(name in installed_command() for name in ("fold-batch-norm", "train", "digits", "quickstart"))
    version = importlib.metadata.version("nadoo")
    print(f"nadoo {version} with torch {torch.__version__}: {len(graph)} nodes, saved and loaded equal")


if __name__ == "__main__":
    main()
