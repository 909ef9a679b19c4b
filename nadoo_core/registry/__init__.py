"""Plugins: what they are, where they come from, and a registry of all that they offer. Imports no torch."""

from nadoo_core.registry.plugin import API_VERSION, KINDS, Hooks, HookSpecs, Plugin, hookimpl, hookspec
from nadoo_core.registry.registry import LoadedPlugin, Offer, Registry
from nadoo_core.registry.rows import ops_of
from nadoo_core.registry.sources import Failure

__all__ = [
    "API_VERSION",
    "KINDS",
    "Failure",
    "HookSpecs",
    "Hooks",
    "LoadedPlugin",
    "Offer",
    "Plugin",
    "Registry",
    "hookimpl",
    "hookspec",
    "ops_of",
]
