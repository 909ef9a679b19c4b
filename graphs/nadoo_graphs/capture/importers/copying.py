"""Copies as rewritten programs have them: a write of one value over another is the source in the target's form."""

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer


def copied(call: AtenCall) -> Imported | None:
    """The source, stretched or converted to what the target was; both at once stay as they are."""
    found = call.values("self", "src")
    if found is None:
        return None
    target, source = found
    expected, given = call.type_of(target), call.type_of(source)
    if given.dtype == expected.dtype:
        return Imported("expand", (source,), attributes={"shape": expected.shape})
    return Imported("cast", (source,), attributes={"dtype": expected.dtype})


IMPORTERS: dict[str, Importer] = {"aten.copy.default": copied}
