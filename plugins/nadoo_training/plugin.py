"""What this package offers; nothing is imported before it is used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The passes by their names in recipes."""
    return Plugin(
        api=1,
        passes={
            "heal": "nadoo_training.heal:Heal",
            "train": "nadoo_training.train:Train",
        },
    )
