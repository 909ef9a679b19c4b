"""Statements and functions as C, indented as a person would."""

from collections.abc import Iterator, Sequence

from nadoo_c.printing.expressions import ExpressionPrinter
from nadoo_graphs.lowered import Function, Kind
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store, walk

INDENT = "    "


class StatementPrinter:
    """Writes the body of one function."""

    def __init__(self, names: dict[str, str]) -> None:
        self.expressions = ExpressionPrinter(names)

    def lines(self, statements: Sequence[Statement], level: int = 1) -> Iterator[str]:
        """The lines of some statements."""
        changed = {item.name for item in walk(tuple(statements)) if isinstance(item, Assign)}
        for statement in statements:
            yield from self.statement(statement, level, changed)

    def statement(self, statement: Statement, level: int, changed: set[str]) -> Iterator[str]:
        """The lines of one statement."""
        pad, text = INDENT * level, self.expressions.text
        if isinstance(statement, For):
            variable, start, stop = statement.variable, text(statement.start), text(statement.stop)
            yield f"{pad}for (int32_t {variable} = {start}; {variable} < {stop}; {variable}++) {{"
            yield from self.lines(statement.body, level + 1)
            yield f"{pad}}}"
        elif isinstance(statement, If):
            yield f"{pad}if ({text(statement.condition)}) {{"
            yield from self.lines(statement.body, level + 1)
            yield f"{pad}}}"
        elif isinstance(statement, Let):
            constant = "" if statement.name in changed else "const "
            yield f"{pad}{constant}{statement.value.kind.c} {statement.name} = {text(statement.value)};"
        elif isinstance(statement, Assign):
            yield f"{pad}{statement.name} = {text(statement.value)};"
        else:
            yield f"{pad}{self.store(statement)}"

    def store(self, statement: Store) -> str:
        """A store, with the conversion to the kind that lies there."""
        names, text = self.expressions.names, self.expressions.text
        target = f"{names.get(statement.role, statement.role)}[{text(statement.index)}]"
        if statement.memory is statement.value.kind:
            return f"{target} = {text(statement.value)};"
        return f"{target} = ({statement.memory.c}){self.expressions.atom(statement.value)};"


def function_lines(function: Function, helpers: set[str]) -> Iterator[str]:
    """A function of numbers; the helpers that it needs are added to the set."""
    printer = StatementPrinter({})
    parameters = ", ".join(f"{kind.c} {name}" for name, kind in function.parameters)
    body = list(printer.lines(function.body))
    result = printer.expressions.text(function.result)
    helpers |= printer.expressions.helpers
    yield f"/* {function.comment} */"
    yield f"static inline {function.kind.c} {function.name}({parameters}) {{"
    yield from body
    yield f"{INDENT}return {result};"
    yield "}"


def helper_lines(names: set[str]) -> Iterator[str]:
    """The helpers that expressions need, in a fixed order."""
    for kind in (Kind.I32, Kind.U32, Kind.I64, Kind.F32, Kind.F64):
        for op, sign in (("min", "<"), ("max", ">")):
            if f"{op}_{kind.value}" in names:
                yield from extremum_lines(op, sign, kind)
    for kind in (Kind.I32, Kind.I64):
        if f"shift_right_{kind.value}" in names:
            yield "/* value / 2**bits, rounded down; C leaves the shift of a negative number open */"
            yield f"static inline {kind.c} nadoo_shift_right_{kind.value}({kind.c} value, {kind.c} bits) {{"
            yield f"{INDENT}return value < 0 ? ~(~value >> bits) : value >> bits;"
            yield "}"
            yield ""
    if "float_of_bits" in names:
        yield from reread_lines("float_of_bits", "float", "uint32_t")
    if "bits_of_float" in names:
        yield from reread_lines("bits_of_float", "uint32_t", "float")


def extremum_lines(op: str, sign: str, kind: Kind) -> Iterator[str]:
    """The smaller or larger of two values."""
    yield f"static inline {kind.c} nadoo_{op}_{kind.value}({kind.c} left, {kind.c} right) {{"
    yield f"{INDENT}return left {sign} right ? left : right;"
    yield "}"
    yield ""


def reread_lines(name: str, given: str, taken: str) -> Iterator[str]:
    """The same 32 bits under another type, through a union as C99 allows."""
    yield f"static inline {given} nadoo_{name}({taken} value) {{"
    yield f"{INDENT}union {{ {taken} taken; {given} given; }} both;"
    yield f"{INDENT}both.taken = value;"
    yield f"{INDENT}return both.given;"
    yield "}"
    yield ""
