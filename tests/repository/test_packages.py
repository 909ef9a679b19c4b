"""What pyproject.toml says of the packages is what the folders hold and the source imports."""

import re
import sys

from tests.repository.layout import ROOT, imported_names, modules, package_folders, project, short, tree

OURS = {folder.name for folder in package_folders()}


def test_the_wheel_holds_every_package_folder_and_nothing_else() -> None:
    listed = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(listed) == sorted(short(folder) for folder in package_folders())


def test_every_package_has_a_place_in_the_layers() -> None:
    contract = project()["tool"]["importlinter"]["contracts"][0]
    placed = {name for layer in contract["layers"] for name in re.findall(r"\w+", layer)}
    assert placed == OURS
    assert set(project()["tool"]["importlinter"]["root_packages"]) == OURS


def test_every_package_is_checked_strictly_and_is_marked_as_typed() -> None:
    checker = project()["tool"]["pyright"]
    assert checker["typeCheckingMode"] == "strict"
    assert {short(folder) for folder in package_folders()} <= set(checker["include"])
    assert [short(folder) for folder in package_folders() if not (folder / "py.typed").is_file()] == []


def extra_of(path: str) -> set[str]:
    """What a module may import beyond the dependencies: hypothesis, where plugins are tested."""
    return {"hypothesis"} if path.startswith("nadoo_core/testing/") else set()


def test_every_third_party_import_is_declared() -> None:
    declared = {re.split(r"[^\w-]", line)[0] for line in project()["project"]["dependencies"]}
    allowed = declared | OURS | sys.stdlib_module_names
    strangers = {
        f"{short(path)}: {name}"
        for path in modules()
        for name in imported_names(tree(path))
        if name.split(".")[0] not in allowed | extra_of(short(path))
    }
    assert strangers == set()


def version(pattern: str, text: str) -> tuple[int, ...]:
    """The version that a pattern finds, as numbers that compare."""
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"nothing matches {pattern}"
    return tuple(map(int, found.group(1).split(".")))


def test_the_makefile_installs_a_torch_that_the_package_accepts() -> None:
    default = version(r"^TORCH \?= torch==([\d.]+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    requirements = "\n".join(project()["project"]["dependencies"])
    assert version(r"^torch>=([\d.]+),", requirements) <= default < version(r"^torch>=.*,<([\d.]+)$", requirements)
