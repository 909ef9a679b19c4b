"""Lowered programs as C99: expressions, statements, functions, and the files of a folder."""
