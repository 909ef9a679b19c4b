"""What this package offers; everything is imported when it is used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The passes and importances by the names that recipes call them."""
    return Plugin(
        api=1,
        passes={
            "find-lottery-ticket": "nadoo_pruning.find_lottery_ticket:FindLotteryTicket",
            "prune-channels": "nadoo_pruning.prune_channels:PruneChannels",
            "prune-masked": "nadoo_pruning.prune_masked:PruneMasked",
            "prune-weights": "nadoo_pruning.prune_weights:PruneWeights",
            "remove-layers": "nadoo_pruning.remove_layers:RemoveLayers",
        },
        importances={
            "activity": "nadoo_pruning.importances.activity:activity",
            "batch-norm-scale": "nadoo_pruning.importances.magnitude:batch_norm_scale",
            "geometric-median": "nadoo_pruning.importances.magnitude:geometric_median",
            "l1": "nadoo_pruning.importances.magnitude:l1",
            "l2": "nadoo_pruning.importances.magnitude:l2",
            "loss": "nadoo_pruning.importances.loss:loss",
            "nonzero-share": "nadoo_pruning.importances.activity:nonzero_share",
            "random": "nadoo_pruning.importances.magnitude:random",
            "taylor": "nadoo_pruning.importances.taylor:taylor",
        },
    )
