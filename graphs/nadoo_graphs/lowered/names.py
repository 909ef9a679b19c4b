"""Names that C, the text form and people can all use."""

import re

KEYWORDS = frozenset(
    {
        "auto", "bool", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
        "extern", "false", "float", "for", "goto", "if", "inline", "int", "long", "main", "register", "restrict",
        "return", "short", "signed", "sizeof", "static", "struct", "switch", "true", "typedef", "union", "unsigned",
        "void", "volatile", "while",
    }
)  # fmt: skip


def identifier(name: str) -> str:
    """A name with everything that C does not allow replaced; keywords get an underscore."""
    found = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "model"
    found = f"m_{found}" if found[0].isdigit() else found
    return f"{found}_" if found in KEYWORDS else found
