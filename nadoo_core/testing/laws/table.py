"""All laws by name, in the order in which a breach is easiest to understand."""

from collections.abc import Mapping
from types import MappingProxyType

from nadoo_core.testing.laws.graph_laws import border_kept, deterministic, input_untouched, result_valid, state_reloads
from nadoo_core.testing.laws.law import Law
from nadoo_core.testing.laws.promise_laws import (
    effect_kept,
    need_refused,
    nothing_said,
    options_return,
    refuses_in_words,
    report_true,
)

TABLE = (
    Law("options return", "options written down and read again give an equal pass", options_return),
    Law("needs are required", "a pass whose needs are unmet is refused, and the refusal names them", need_refused),
    Law("refused in words", "a pass gives a graph or refuses with an error of nadoo's own", refuses_in_words),
    Law("input untouched", "the graph that goes in is the same afterwards, bit for bit", input_untouched),
    Law("deterministic", "the same graph, options and seed give the same graph", deterministic),
    Law("result valid", "the graph that comes out is valid, and runs if the one before does", result_valid),
    Law("border kept", "inputs and outputs keep their number, names and types", border_kept),
    Law("effect kept", "an exact pass is exact and an approximate one stays within its bound", effect_kept),
    Law("state reloads", "the state dict of the result fills a fresh result with equal outputs", state_reloads),
    Law("nothing is said", "a pass that finds nothing to do raises instead of reporting success", nothing_said),
    Law("report true", "what the record says equals what is computed from the graphs", report_true),
)

LAWS: Mapping[str, Law] = MappingProxyType({law.name: law for law in TABLE})
