"""What a user of the wheel does first, run where nothing but the wheel and what it requires is installed."""

import importlib
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import nadoo_core as nadoo

PACKAGES = {
    "nadoo_activations", "nadoo_c", "nadoo_cleanup", "nadoo_core", "nadoo_graphs", "nadoo_hardware", "nadoo_low_rank",
    "nadoo_normalization", "nadoo_pruning", "nadoo_quantization", "nadoo_recipes", "nadoo_reordering",
    "nadoo_residuals", "nadoo_training",
}  # fmt: skip


def shipped_packages() -> set[str]:
    """The top-level folders of the installed wheel, without its metadata and the scripts beside the interpreter."""
    files = importlib.metadata.files("nadoo") or []
    return {file.parts[0] for file in files if file.parts[0] != ".." and not file.parts[0].endswith(".dist-info")}


def installed_command(*arguments: str) -> str:
    """What the installed command answers."""
    command = Path(sys.executable).with_name("nadoo")
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=True).stdout


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
        saved = graph.save(Path(folder) / "graph")
        loaded = nadoo.load(saved)
        assert "latency" in installed_command("estimate", str(saved), "--device", "stm32f401")
    assert loaded.fingerprint() == graph.fingerprint()
    assert torch.equal(loaded.to_module().eval()(example), model(example))
    offered = installed_command("plugins")
    assert all(name in offered for name in ("fold-batch-norm", "quantize", "digits", "quickstart", "stm32f401"))
    version = importlib.metadata.version("nadoo")
    print(f"nadoo {version} with torch {torch.__version__}: {len(graph)} nodes, saved and loaded equal")


if __name__ == "__main__":
    main()
