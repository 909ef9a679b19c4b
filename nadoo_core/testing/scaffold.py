"""new_plugin: a plugin to begin with, whose tests pass as they are written. Needs neither torch nor hypothesis."""

import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

from nadoo_core.errors import CoreCode, PluginError, Problem
from nadoo_core.registry import API_VERSION

TEMPLATES = "plugin_template"
SUFFIX = ".template"
PREFIX = "nadoo"
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def new_plugin(name: str, folder: str | Path) -> Path:
    """Write the package `nadoo-NAME` into a folder and give its path; an existing one is never touched."""
    short = name.removeprefix(f"{PREFIX}-").removeprefix(f"{PREFIX}_")
    words = short.replace("_", "-")
    package = f"{PREFIX}_{words.replace('-', '_')}"
    if not NAME.fullmatch(short) or keyword.iskeyword(short):
        message = "is no name for a plugin; give small letters, digits and hyphens, such as 'sparse-layers'"
        raise PluginError(Problem(CoreCode.PLUGIN, f"name {name!r}", message))
    if find_spec(package) is not None:
        message = f"would make the package {package!r}, which is installed already; give another name"
        raise PluginError(Problem(CoreCode.PLUGIN, f"name {name!r}", message))
    target = Path(folder) / f"{PREFIX}-{words}"
    if target.exists():
        message = "exists already; give another name, or another folder"
        raise PluginError(Problem(CoreCode.PLUGIN, f"folder {str(target)!r}", message))
    values = {"distribution": target.name, "package": package, "name": words, "api": str(API_VERSION)}
    write_folder(files("nadoo_core.testing") / TEMPLATES, target, values)
    return target


def write_folder(source: Traversable, target: Path, values: dict[str, str]) -> None:
    """Every template of a folder, its name and its text filled in."""
    try:
        target.mkdir(parents=True)
        for item in sorted(source.iterdir(), key=lambda item: item.name):
            name = Template(item.name).substitute(values).removesuffix(SUFFIX)
            if item.is_dir():
                write_folder(item, target / name, values)
            else:
                text = Template(item.read_text(encoding="utf-8")).substitute(values)
                (target / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot be written: {error}; give a folder that can"
        raise PluginError(Problem(CoreCode.PLUGIN, f"folder {str(target)!r}", message)) from error
