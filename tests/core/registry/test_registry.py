"""Plugins: loaded one by one, never half, and every trap of entry points and hooks has a message."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nadoo_core.registry.registry as registry_module
from nadoo_core.errors import PluginError
from nadoo_core.passes import Pass
from nadoo_core.registry import KINDS, Offer, Plugin, Registry, hookimpl
from nadoo_graphs.graph import ModelGraph

PASS_FILE = """
from attrs import frozen
from nadoo_core.passes import Pass, option

@frozen(kw_only=True)
class Double(Pass):
    '''Double a bias.'''
    name = "double"
    times: int = option(default=2, help="how often")
    def apply(self, graph, context):
        graph.set_tensor("fc.bias", graph.tensor("fc.bias") * self.times)
"""
HOOK_FILE = """
from nadoo_core.registry import Plugin, hookimpl

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, models={"mine": "somewhere.else:Model"}, metrics={"length": len})

@hookimpl
def nadoo_run_finished(run, ledger):
    ledger.append(run)
"""


def plugin_module(name: str, plugin: Any = None, **members: Any) -> ModuleType:
    """A module as an entry point would load it."""
    module = ModuleType(name)

    def nadoo_plugin() -> Any:
        return plugin() if callable(plugin) else plugin

    vars(module).update({"nadoo_plugin": hookimpl(nadoo_plugin), **members})
    return module


class Distribution:
    """As much of a distribution as an entry point knows."""

    version = "1.0"

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make modules, or errors that importing them raises, the installed plugins."""
    points: list[Any] = []

    def put(**modules: Any) -> None:
        for name, module in modules.items():
            point = EntryPoint(name, f"{name}_module", "nadoo")
            points.append(Fake(point, module, Distribution(f"dist-{name}")))

    monkeypatch.setattr(registry_module, "installed_points", lambda: tuple(points))
    return put


class Fake:
    """An entry point that loads what a test gives it."""

    def __init__(self, point: EntryPoint, module: Any, dist: Distribution) -> None:
        self.name, self.module, self.dist = point.name, module, dist

    def load(self) -> Any:
        if isinstance(self.module, BaseException):
            raise self.module
        return self.module


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- installed plugins ------------------------------------------------------------------------------------------------


def test_the_plugins_of_this_repository_load_and_offer_what_they_say() -> None:
    registry = Registry.of()
    assert registry.failures == ()
    for name in registry.names("passes"):
        assert issubclass(registry.pass_class(name), Pass)


def test_what_is_offered_is_imported_when_it_is_used(install: Callable[..., None]) -> None:
    install(a=plugin_module("a", Plugin(api=1, models={"m": "nowhere.at.all:Model", "here": "pathlib:Path"})))
    registry = Registry.of()
    assert registry.names("models") == ("here", "m")
    assert registry.load("models", "here") is Path
    with pytest.raises(PluginError, match=r"N10 models 'm': plugin 'a' offers 'nowhere.at.all:Model', which cannot be"):
        registry.load("models", "m")


def test_listing_imports_no_torch() -> None:
    program = "import sys, nadoo_core.registry as r; r.Registry.of().names('passes'); print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_an_offer_knows_its_distribution_and_version(install: Callable[..., None]) -> None:
    install(a=plugin_module("a", Plugin(api=1, passes={"p": "x:Y"})))
    offer = Registry.of().source("passes", "p")
    assert (offer.plugin, offer.distribution, offer.version, offer.value) == ("a", "dist-a", "1.0", "x:Y")


def test_one_broken_plugin_is_kept_as_a_failure_and_the_others_load(install: Callable[..., None]) -> None:
    install(bad=ImportError("no module named 'magic'"), good=plugin_module("good", Plugin(api=1, passes={"p": "x:Y"})))
    registry = Registry.of()
    assert [plugin.name for plugin in registry.plugins] == ["good"]
    assert [(failure.name, failure.text) for failure in registry.failures] == [
        ("bad", "ImportError: no module named 'magic'")
    ]
    with pytest.raises(
        PluginError, match=r"not loaded were plugin 'bad' \(dist-bad\): ImportError: no module named 'magic'"
    ):
        registry.source("passes", "spell")


HANGS = "import time\ntime.sleep(60)\n"
HOOK_HANGS = """
import time
from nadoo_core.registry import Plugin, hookimpl
@hookimpl
def nadoo_plugin():
    time.sleep(60)
"""


@pytest.mark.parametrize(("text", "message"), [(HANGS, "cannot be imported"), (HOOK_HANGS, "when asked what it")])
def test_a_plugin_that_never_comes_back_is_named(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nadoo_core.registry.sources.PLUGIN_S", 0.1)
    monkeypatch.setattr("nadoo_core.registry.registry.PLUGIN_S", 0.1)
    with pytest.raises(PluginError, match=rf"{message}.*took longer than 0\.1 s"):
        Registry.of(installed=False, files=[written(tmp_path, "slow.py", text)])


def test_a_thing_whose_module_never_comes_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "nadoo_sleeping_module.py", HANGS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("nadoo_core.registry.sources.PLUGIN_S", 0.1)
    monkeypatch.setattr("nadoo_core.registry.registry.PLUGIN_S", 0.1)
    offer = Offer("passes", "sleep", "nadoo_sleeping_module:Sleep", "sleeper", "dist-sleeper", "1.0")
    with pytest.raises(PluginError, match=r"which cannot be had: it took longer than 0\.1 s"):
        offer.load()


def test_two_plugins_with_one_name_are_an_error_that_names_both(install: Callable[..., None]) -> None:
    offers = Plugin(api=1, passes={"p": "x:Y"}, datasets={"d": "x:Y"})
    install(a=plugin_module("a", offers), b=plugin_module("b", offers))
    with pytest.raises(PluginError) as caught:
        Registry.of()
    assert [str(problem) for problem in caught.value.problems] == [
        "N10 passes 'p': is offered by 'a' (dist-a) and by 'b' (dist-b); leave one out with --without",
        "N10 datasets 'd': is offered by 'a' (dist-a) and by 'b' (dist-b); leave one out with --without",
    ]
    assert Registry.of(without=["b"]).names("passes") == ("p",)


def test_two_plugins_may_not_be_called_the_same(install: Callable[..., None], tmp_path: Path) -> None:
    install(mine=plugin_module("mine", Plugin(api=1)))
    path = written(tmp_path, "mine.py", PASS_FILE)
    with pytest.raises(PluginError, match=r"N10 plugin 'mine': is the name of several: dist-mine, .*mine.py; rename"):
        Registry.of(files=[path])


def test_a_plugin_that_is_left_out_is_not_even_imported(install: Callable[..., None]) -> None:
    install(bad=ImportError("never seen"))
    assert Registry.of(without=["bad"]).failures == ()


def test_leaving_out_what_is_not_there_is_a_misspelling(install: Callable[..., None]) -> None:
    install(nadoo_pruning=plugin_module("p", Plugin(api=1)))
    with pytest.raises(
        PluginError, match="--without nadoo_prunning: no plugin has this name; did you mean 'nadoo_pruning'"
    ):
        Registry.of(without=["nadoo_prunning"])


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            plugin_module("a", Plugin(api=2)),
            "is written for version 2 of the interface, this nadoo has 1; update nadoo",
        ),
        (
            plugin_module("a", Plugin(api=0)),
            "is written for version 0 of the interface, this nadoo has 1; update the plugin",
        ),
        (plugin_module("a", {"passes": {}}), "nadoo_plugin returned dict; return a nadoo_core.registry.Plugin"),
        (plugin_module("a", None), "nadoo_plugin returned NoneType"),
        (plugin_module("a", lambda: 1 / 0), "raised ZeroDivisionError when asked what it offers: division by zero"),
        (ModuleType("a"), "has no hook nadoo_plugin; define it with @hookimpl"),
        (plugin_module("a", Plugin(api=1), nadoo_step_startd=hookimpl(lambda run: None)), "has a hook that is none"),
        (plugin_module("a", Plugin(api=1), nadoo_run_finished=hookimpl(lambda runn: None)), "has a hook that is none"),
        (
            plugin_module("a", Plugin(api=1), nadoo_run_finished=lambda run: None),
            "which nobody would call; decorate hooks",
        ),
    ],
)
def test_a_plugin_that_is_written_wrongly_is_a_failure_with_a_reason(
    module: ModuleType, message: str, install: Callable[..., None]
) -> None:
    install(a=module)
    (failure,) = Registry.of().failures
    assert message in failure.text


# --- names that nobody offers -----------------------------------------------------------------------------------------


def test_a_misspelt_name_gets_the_nearest_ones() -> None:
    with pytest.raises(PluginError, match=r"N11 passes 'fold-batchnorm': .*; did you mean 'fold-batch-norm'"):
        Registry.of().source("passes", "fold-batchnorm")


def test_a_name_of_a_plugin_of_ours_that_is_not_there_says_which() -> None:
    with pytest.raises(PluginError, match="the plugin 'nadoo_cleanup' offers it, which is not installed"):
        Registry.of(installed=False).source("passes", "merge-linear")
    with pytest.raises(PluginError, match="offers it, which --without nadoo_cleanup leaves out; take that away"):
        Registry.of(without=["nadoo_cleanup"]).source("passes", "merge-linear")


def test_what_is_known_of_our_own_plugins_is_true() -> None:
    from nadoo_core.registry.known import KNOWN_OFFERS

    registry = Registry.of()
    ours = {offer.name: offer.plugin for offer in registry.offers("passes") if offer.distribution == "nadoo"}
    assert KNOWN_OFFERS["passes"] == ours


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(PluginError, match="N11 kind 'pases': did you mean 'passes'"):
        Registry.of(installed=False).names("pases")
    assert all(Registry.of(installed=False).names(kind) == () for kind in KINDS)


def test_something_that_is_no_pass_is_not_handed_out_as_one(install: Callable[..., None]) -> None:
    install(a=plugin_module("a", Plugin(api=1, passes={"p": "pathlib:Path"})))
    with pytest.raises(PluginError, match="which is not a Pass with the name 'p'"):
        Registry.of().pass_class("p")


# --- single files -----------------------------------------------------------------------------------------------------


def test_a_file_without_a_hook_offers_its_passes(tmp_path: Path) -> None:
    registry = Registry.of(installed=False, files=[written(tmp_path, "my_pass.py", PASS_FILE)])
    assert registry.names("passes") == ("double",)
    double = registry.pass_class("double")
    graph = ModelGraph()
    import torch

    tensors = {"weight": torch.ones(2, 2), "bias": torch.ones(2)}
    graph.set_outputs([graph.add("linear", [graph.add_input("x", ("N", 2))], name="fc", tensors=tensors)])
    result = double(times=3).run(graph)  # type: ignore[call-arg]
    assert result.graph.tensor("fc.bias").tolist() == [3, 3]
    assert len(registry.source("passes", "double").version) == 64


def test_a_file_with_a_hook_offers_what_it_says_and_observes(tmp_path: Path) -> None:
    registry = Registry.of(installed=False, files=[str(written(tmp_path, "mine.py", HOOK_FILE))])
    assert registry.load("metrics", "length") is len
    assert registry.names("models") == ("mine",)
    seen: list[str] = []
    registry.hooks.nadoo_run_finished(run="run", ledger=seen)
    assert seen == ["run"]
    assert registry.hooks.nadoo_step_started(run="run", step="step") == []


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one = written(tmp_path, "one.py", PASS_FILE)
    other = written(tmp_path / "a", "other.py", PASS_FILE.replace('"double"', '"triple"'))
    assert Registry.of(installed=False, files=[one, other]).names("passes") == ("double", "triple")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:", "cannot be imported: SyntaxError"),
        ("import no_such_module_at_all", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit('boo')", "cannot be imported: SystemExit: boo"),
        ("x = 1", "offers nothing: it has no nadoo_plugin hook and defines no Pass with a name"),
        ("def nadoo_plugin(): return None", "which nobody would call; decorate hooks with @hookimpl"),
        (HOOK_FILE.replace("api=1", "api=9"), "is written for version 9 of the interface"),
    ],
)
def test_a_file_that_the_user_named_must_load(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, "broken.py", text)
    with pytest.raises(PluginError) as caught:
        Registry.of(installed=False, files=[path])
    assert message in str(caught.value)
    assert not [name for name in sys.modules if name.startswith("nadoo_file_broken") and "import" in message]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nowhere\.py': is not there; give the path of a Python file"):
        Registry.of(installed=False, files=[tmp_path / "nowhere.py"])


# --- the value --------------------------------------------------------------------------------------------------------


def test_a_registry_and_a_plugin_cannot_be_changed() -> None:
    registry = Registry.of(installed=False)
    with pytest.raises(AttributeError):
        registry.plugins = ()  # type: ignore[misc]
    plugin = Plugin(api=1, passes={"a": "b:C"})
    with pytest.raises(TypeError):
        plugin.passes["b"] = "c:D"  # type: ignore[index]
