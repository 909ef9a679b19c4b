"""Look-ups in a table of rows."""

from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.rules.nests import nest, scaled
from nadoo_graphs.lowered.rules.shaping import bounded_index
from nadoo_graphs.lowered.types import Kind


def embedding(call: LoweringCall) -> None:
    """A row of the weight for each index; an index outside is brought to the border."""
    weight = call.required("weight")
    rows, features = weight.shape
    count, body = call.operands[0].length, call.body
    x, w, y = call.operand(), call.flash("weight", weight, Kind.F32), call.result()
    with nest(body, (count, features), "ik") as (place, feature):
        row = body.let("row", bounded_index(x.at(place), rows))
        body.store(y, scaled(place, features) + feature, w.at(row * features + feature))


RULES = {"embedding": embedding}
