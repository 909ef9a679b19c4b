"""Options: what a person writes in a recipe, turned strictly into frozen attrs classes, with every problem at once.

Nothing is converted that could be meant otherwise: true is not 1.0, 2.7 is not 2, 64 KB is neither 64,000 nor 65,536.
"""

from nadoo_core.options.bounds import Bounds
from nadoo_core.options.checked import Options
from nadoo_core.options.fields import RESERVED, OptionField, option, option_fields, option_metadata
from nadoo_core.options.place import FAILED, Place
from nadoo_core.options.reading import read, structure, structure_value
from nadoo_core.options.schema import json_schema
from nadoo_core.options.spelling import did_you_mean, shown
from nadoo_core.options.units import Bytes, Seconds, Share, Unit
from nadoo_core.options.writing import unstructure

__all__ = [
    "FAILED",
    "RESERVED",
    "Bounds",
    "Bytes",
    "OptionField",
    "Options",
    "Place",
    "Seconds",
    "Share",
    "Unit",
    "did_you_mean",
    "json_schema",
    "option",
    "option_fields",
    "option_metadata",
    "read",
    "shown",
    "structure",
    "structure_value",
    "unstructure",
]
