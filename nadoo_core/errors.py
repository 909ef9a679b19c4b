"""What can go wrong above the graph: options, passes, plugins, recipes and runs, with codes of their own.

Every error carries all problems that were found and is a `NadooError`, so that one `except` is enough for a caller.
"""

from enum import StrEnum

from nadoo_graphs.errors import GraphError as NadooError
from nadoo_graphs.errors import Problem


class CoreCode(StrEnum):
    """The stable name of a kind of problem; messages may be reworded, codes may not."""

    OPTION = "N01"
    UNKNOWN_KEY = "N02"
    MISSING_KEY = "N03"
    SELECTOR = "N04"
    NO_CHANGE = "N05"
    NEED = "N06"
    EFFECT = "N07"
    PASS = "N08"
    CONTEXT = "N09"
    PLUGIN = "N10"
    UNKNOWN_NAME = "N11"
    API_VERSION = "N12"
    RECIPE = "N13"
    TRUST = "N14"
    RUN = "N15"
    LIMIT = "N16"
    STORE = "N17"
    BUSY = "N18"
    DATA = "N19"
    TRAINING = "N20"
    DEVICE = "N21"
    MISSING_FACT = "N22"
    CALIBRATION = "N23"

    @property
    def meaning(self) -> str:
        """One line for the reference page and for `nadoo explain`."""
        return MEANINGS[self]


MEANINGS = {
    CoreCode.OPTION: "an option has a value of the wrong kind or outside of its range",
    CoreCode.UNKNOWN_KEY: "a key that nothing reads, most often a misspelling",
    CoreCode.MISSING_KEY: "a key that has no default and was not given",
    CoreCode.SELECTOR: "a selector, or a part of one, fits no node of the graph",
    CoreCode.NO_CHANGE: "a pass left the graph as it was",
    CoreCode.NEED: "a pass needs a property that the graph does not have",
    CoreCode.EFFECT: "a pass changed what the graph computes by more than it promises, or not what it promises",
    CoreCode.PASS: "a pass is written or behaves as no pass may",
    CoreCode.CONTEXT: "a pass asked its context for something that this run does not have",
    CoreCode.PLUGIN: "a plugin cannot be loaded, or two plugins offer one name",
    CoreCode.UNKNOWN_NAME: "a name that no plugin in use offers",
    CoreCode.API_VERSION: "a plugin was written for another version of nadoo's interface",
    CoreCode.RECIPE: "a recipe cannot be read, or its steps do not fit together",
    CoreCode.TRUST: "code named by a file may only run when the user says that the file is trusted",
    CoreCode.RUN: "a run cannot begin or go on",
    CoreCode.LIMIT: "a step costs more than the recipe allows",
    CoreCode.STORE: "a stored step is missing or altered, or the store cannot be written",
    CoreCode.BUSY: "another process works in the same folder",
    CoreCode.DATA: "a data set is missing, damaged or of the wrong form",
    CoreCode.TRAINING: "a training cannot begin, or its loss is no longer a number",
    CoreCode.DEVICE: "a device file cannot be read, or says something absurd",
    CoreCode.MISSING_FACT: "a cost depends on a fact that is not known of the device",
    CoreCode.CALIBRATION: "measurements cannot be fitted, or the fit is too far off on models left out",
}


class OptionError(NadooError):
    """Options do not fit; all of them are named at once."""


class PassError(NadooError):
    """A pass stopped: the graph it was given is untouched."""


class SelectorError(PassError):
    """A selector of a pass fits no node."""


class NeedError(PassError):
    """A pass needs a property that the graph does not have."""


class NoChangeError(PassError):
    """A pass changed nothing, and nobody said that this is fine."""


class EffectError(PassError):
    """A pass did not keep its promise about what it changes."""


class ContextError(PassError):
    """A pass asked for data, training or another service that this run does not have."""


class PluginError(NadooError):
    """A plugin cannot be used, or a name is offered by none or by two of them."""


class RecipeError(NadooError):
    """A recipe is wrong; nothing of it was run."""


class RunError(NadooError):
    """A run stopped; what was finished before is kept."""


class StoreError(RunError):
    """The store of finished steps cannot be read or written."""


class DataError(NadooError):
    """A data set cannot be had or does not fit."""


class TrainingError(NadooError):
    """A training cannot begin or go on."""


class DeviceError(NadooError):
    """A device is not there, its file is wrong, or a fact of it is not known."""


class CalibrationError(NadooError):
    """Measurements do not say what is asked of them."""


__all__ = [
    "MEANINGS",
    "CalibrationError",
    "ContextError",
    "CoreCode",
    "DataError",
    "DeviceError",
    "EffectError",
    "NadooError",
    "NeedError",
    "NoChangeError",
    "OptionError",
    "PassError",
    "PluginError",
    "Problem",
    "RecipeError",
    "RunError",
    "SelectorError",
    "StoreError",
    "TrainingError",
]
