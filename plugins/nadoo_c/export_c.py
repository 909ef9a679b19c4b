"""The exporter `c`: what `[[export]] to = "c"` in a recipe and `nadoo export` call."""

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_c.emulating import target_of
from nadoo_c.exporting import Artifact, Options, export
from nadoo_c.kernels import CORES, KernelTable
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import option
from nadoo_core.registry import Registry
from nadoo_hardware.emulator import COMPILERS

if TYPE_CHECKING:
    from nadoo_core.runs.exporting import ExportContext
    from nadoo_graphs.graph import ModelGraph

EXPORTER = "exporter 'c'"
BORDERS = ("codes", "float")
FLOAT_OPS = ("linear", "conv1d", "conv2d", "lstm", "gru", "rnn_tanh", "rnn_relu", "matmul", "sdpa")
UNQUANTIZED = ("export", "refuse")


@frozen(kw_only=True)
class ExportC:
    """C99 for a microcontroller, verified bit for bit against the graph before it is given out."""

    name: str = option(default="", help="the name of the C functions; empty takes the graph's")
    border: str = option(
        default="codes", help='what callers give and get where the model quantizes: "codes" or "float"'
    )
    core: str = option(default="any", help=f"the core that kernels are chosen for: {', '.join(CORES)}")
    samples: int = option(default=100, help="how many samples of the data the C is verified on, beside extremes")
    border_in_arena: bool = option(
        default=False, help="make room in the arena for inputs and outputs, where callers may keep them"
    )
    recompute: bool = option(default=True, help="compute layers twice before a norm where that spares much memory")
    emulate: tuple[str, ...] = option(
        default=(), help="cores or devices on which the C is emulated, verified and measured; a device gives cycles"
    )
    emulated_samples: int = option(default=2, help="how many samples are emulated on each core")
    compiler: str = option(default="zig", help=f"what compiles for the emulated cores: {', '.join(COMPILERS)}")
    unquantized: str = option(default="export", help='what becomes of layers in float32: "export" them, or "refuse"')

    def __attrs_post_init__(self) -> None:
        problems = [
            Problem(CoreCode.OPTION, EXPORTER, f"{name} is {value!r}; give one of {', '.join(map(repr, allowed))}")
            for name, value, allowed in (
                ("border", self.border, BORDERS),
                ("core", self.core, CORES),
                ("unquantized", self.unquantized, UNQUANTIZED),
                ("compiler", self.compiler, COMPILERS),
            )
            if value not in allowed
        ]
        for name in ("samples", "emulated_samples"):
            if getattr(self, name) < 0:
                problems.append(Problem(CoreCode.OPTION, EXPORTER, f"{name} is negative; give 0 or more"))
        if problems:
            raise OptionError(problems)

    def __call__(self, graph: "ModelGraph", folder: Path, context: "ExportContext | None" = None) -> Artifact:
        """Write and verify a folder."""
        if self.unquantized == "refuse":
            refuse_floats(graph)
        samples = () if context is None else context.samples(graph, self.samples)
        registry = Registry.of() if context is None else context.registry
        return export(graph, folder, self.options(registry), samples, KernelTable.of(registry))

    def options(self, registry: Registry) -> Options:
        """What decides the C; devices are found in a registry."""
        return Options(
            name=self.name,
            border=self.border,
            core=self.core,
            border_in_arena=self.border_in_arena,
            recompute=self.recompute,
            emulate=tuple(target_of(name, registry) for name in self.emulate),
            compiler=self.compiler,
            emulated_samples=max(1, self.emulated_samples),
        )


def refuse_floats(graph: "ModelGraph") -> None:
    """Name every layer that computes in float32."""
    problems = [
        Problem(CoreCode.NEED, f"node {node.name!r} ({node.op})", "computes in float32; quantize it, or allow floats")
        for node in graph.nodes(op=FLOAT_OPS)
    ]
    if problems:
        raise OptionError(problems)
