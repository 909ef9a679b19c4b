"""Nested lists as text: atoms, texts in quotes, and lists in parentheses."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused

WIDTH = 110
DEEPEST = 200


@frozen
class Quoted:
    """A text that may hold anything."""

    text: str


Tree: TypeAlias = "str | int | Quoted | list[Any]"


def rendered(tree: Tree, indent: int = 0) -> str:
    """A tree on one line if it fits, else its lists each on a line of its own."""
    line = flat(tree)
    if not isinstance(tree, list) or indent + len(line) <= WIDTH:
        return line
    head = [item for item in tree if not isinstance(item, list)]
    first = tree[: len(head)] if all(not isinstance(item, list) for item in tree[: len(head)]) else tree[:1]
    pad = " " * (indent + 2)
    rest = [f"\n{pad}{rendered(item, indent + 2)}" for item in tree[len(first) :]]
    return f"({' '.join(map(flat, first))}{''.join(rest)})"


def flat(tree: Tree) -> str:
    """A tree on one line."""
    if isinstance(tree, list):
        return f"({' '.join(map(flat, tree))})"
    return quoted(tree.text) if isinstance(tree, Quoted) else str(tree)


def quoted(text: str) -> str:
    """A text in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def read_tree(text: str) -> Tree:
    """The one tree that a text holds."""
    tokens = tokens_of(text)
    tree = next_tree(tokens, next(tokens, None), 0)
    rest = next(tokens, None)
    if rest is not None:
        raise refused(Code.SCHEMA, "text", f"goes on with {rest!r} after its end; give one program")
    return tree


def next_tree(tokens: Iterator["str | Quoted"], token: "str | Quoted | None", depth: int) -> Tree:
    """The tree that begins with a token."""
    if token is None or depth > DEEPEST:
        message = "ends before its parentheses are closed" if token is None else f"nests deeper than {DEEPEST} lists"
        raise refused(Code.SCHEMA, "text", f"{message}; give a program as it was written")
    if token == ")":
        raise refused(Code.SCHEMA, "text", "closes a parenthesis that is not open; give a program as it was written")
    if token != "(":
        return token
    items: list[Any] = []
    for following in tokens:
        if following == ")":
            return items
        items.append(next_tree(tokens, following, depth + 1))
    raise refused(Code.SCHEMA, "text", "ends before its parentheses are closed; give a program as it was written")


def tokens_of(text: str) -> Iterator["str | Quoted"]:
    """Parentheses, atoms and texts in quotes, one after the other."""
    place, end = 0, len(text)
    while place < end:
        letter = text[place]
        if letter.isspace():
            place += 1
        elif letter in "()":
            place += 1
            yield letter
        elif letter == '"':
            content, place = quoted_at(text, place + 1)
            yield Quoted(content)
        else:
            begin = place
            while place < end and not (text[place].isspace() or text[place] in '()"'):
                place += 1
            yield text[begin:place]


def quoted_at(text: str, place: int) -> tuple[str, int]:
    """The text whose quotes are open at a place, and where it ends."""
    end = place
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise refused(Code.SCHEMA, "text", "ends within quotes; give a program as it was written")
    content = text[place:end]
    if "\\" not in content:
        return content, end + 1
    letters = iter(content)
    found = [
        {"n": "\n"}.get(after, after) if (letter == "\\" and (after := next(letters, ""))) else letter
        for letter in letters
    ]
    return "".join(found), end + 1
