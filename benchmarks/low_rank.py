"""Low rank against its limits: accuracy of resnet20 without healing at shares of its parameters.

python -m benchmarks.low_rank [NAME] [SHARE …] [--every=N] [--record]

NADOO_DATA is the folder of models and data. The model is decomposed on calibration images without labels; nothing is
trained. The last column is the best of plain greedy energy, batch norms reset.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import torch

import nadoo_core as nadoo
from benchmarks.figures import RESULTS, SEED
from benchmarks.pruning import accuracy, macs, models
from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_graphs.counting import count
from nadoo_low_rank.decompose_low_rank import DecomposeLowRank

SHARES = (0.72, 0.50, 0.30)
PLAIN = {0.72: 80.4, 0.50: 70.7, 0.30: 19.8}
Document = dict[str, Any]


def measured(name: str, shares: tuple[float, ...], every: int = 1) -> Document:
    """Accuracy, parameters, work and time at each share."""
    model, calibration, test, labels = models().get(name)
    test, labels = test[::every], labels[::every]
    graph = nadoo.capture(model, calibration[:4])
    found: Document = {"model": accuracy(model, test, labels), "images": len(test)}
    for share in shares:
        context = Context(
            step="low-rank", seed=SEED, services=Services(data={"calibration": Examples(calibration)}), check=False
        )
        start = time.perf_counter()
        result = DecomposeLowRank(parameters=share).run(graph, context)
        found[f"{share:g}"] = {
            "nadoo": accuracy(result.graph.to_module(), test, labels),
            "plain": PLAIN.get(share) if name == "resnet20" else None,
            "parameters": count(result.graph).parameters / count(graph).parameters,
            "macs": macs(result.graph) / macs(graph),
            "seconds": round(time.perf_counter() - start, 1),
        }
        sys.stderr.write(json.dumps({share: found[f"{share:g}"]}) + "\n")
    return found


def main() -> None:
    """Measure, print, and record where asked for."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    name, shares = (words[0] if words else "resnet20"), tuple(map(float, words[1:])) or SHARES
    every = next((int(word.partition("=")[2]) for word in sys.argv if word.startswith("--every=")), 1)
    found = measured(name, shares, every)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if "--record" in sys.argv:
        path = RESULTS / "low_rank.json"
        known: Document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[name] = {
            "command": f"python -m benchmarks.low_rank {name} --record", "seed": SEED, "nadoo": version("nadoo"),
            "torch": torch.__version__, "threads": torch.get_num_threads(), **found,
        }  # fmt: skip
        path.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
