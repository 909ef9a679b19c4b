"""Reading the text of a size, as saved graphs and users write it: strict, and with limits on everything."""

import re

from nadoo_graphs.errors import Code, GraphError
from nadoo_graphs.sizes import LARGEST, Size, add, floor_divide, multiply, size_error, symbol

TOKEN = re.compile(r"\s*(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|(//|[-+*()]))")
MOST_CHARACTERS = 4000
MOST_NESTING = 50


def read_size(text: str) -> Size:
    """The size that a text denotes, or a refusal."""
    if len(text) > MOST_CHARACTERS:
        message = f"has {len(text)} characters, at most {MOST_CHARACTERS} are read"
        raise size_error(f"{text[:40]!r}…", message, Code.LIMIT)
    tokens = tokenize(text)
    reader = SizeReader(text, tokens)
    size = reader.sum(0)
    if reader.position != len(tokens):
        raise reader.refuse("an operator or the end")
    return size


def tokenize(text: str) -> list[str]:
    """The numbers, names and operators of a size's text."""
    tokens: list[str] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = TOKEN.match(stripped, position)
        if found is None:
            message = f"{stripped[position:].lstrip()[0]!r} is neither number, name nor operator"
            raise size_error(repr(text[:60]), message, Code.SCHEMA)
        tokens.append(found.group(0).strip())
        position = found.end()
    return tokens


class SizeReader:
    """A recursive descent over the tokens of one size."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text = text
        self.tokens = tokens
        self.position = 0

    def peek(self) -> str:
        """The next token, or nothing at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        """The next token, consumed."""
        token = self.peek()
        self.position += 1
        return token

    def refuse(self, expected: str) -> GraphError:
        """What was found instead of what is allowed here."""
        found = self.peek() or "the end"
        return size_error(repr(self.text[:60]), f"expected {expected}, found {found!r}", Code.SCHEMA)

    def sum(self, depth: int) -> Size:
        """A sum or difference of products."""
        if depth > MOST_NESTING:
            message = f"brackets nest deeper than {MOST_NESTING}"
            raise size_error(repr(self.text[:40]), message, Code.LIMIT)
        negative = self.peek() == "-"
        self.position += negative
        total = multiply(self.product(depth), -1 if negative else 1)
        while self.peek() in {"+", "-"}:
            sign = 1 if self.take() == "+" else -1
            total = add(total, multiply(self.product(depth), sign))
        return total

    def product(self, depth: int) -> Size:
        """A product or floor division of atoms, from left to right."""
        value = self.atom(depth)
        while self.peek() in {"*", "//"}:
            operator = self.take()
            other = self.atom(depth)
            value = multiply(value, other) if operator == "*" else floor_divide(value, other)
        return value

    def atom(self, depth: int) -> Size:
        """A number, a symbol or a bracket."""
        token = self.peek()
        if token.isdigit():
            return self.number()
        if token == "(":
            self.take()
            value = self.sum(depth + 1)
            if self.peek() != ")":
                raise self.refuse("')'")
            self.take()
            return value
        if not token or not (token[0].isalpha() or token[0] == "_"):
            raise self.refuse("a number, a symbol or '('")
        return symbol(self.take())

    def number(self) -> int:
        """An integer literal within 64 bits."""
        token = self.take()
        if len(token) > 19 or int(token) > LARGEST:
            message = f"{token[:25]} does not fit in 64 bits"
            raise size_error(repr(self.text[:60]), message, Code.LIMIT)
        return int(token)
