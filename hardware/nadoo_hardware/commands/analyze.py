"""`nadoo analyze`: the memory filter, the latency predictor and the compression calculator."""

import click

from nadoo_hardware.commands.analyze_compression import compression
from nadoo_hardware.commands.analyze_latency import latency
from nadoo_hardware.commands.analyze_memory import memory


@click.group("analyze", short_help="Ask what fits, how long it takes, and how much smaller it gets.")
def analyze() -> None:
    """Ask about a model without changing it: which formats fit, how long a mapping takes, how much it compresses.

    A mapping is a JSON file of layer → precision: "int8", "int8-int4" (activations-weights), or two for two cores.
    The key "*" stands for all layers that are not named.
    """


for subcommand in (memory, latency, compression):
    analyze.add_command(subcommand)

COMMAND = analyze
