"""What this package offers; the passes are imported when they are used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The exact clean-ups by the names that recipes call them."""
    return Plugin(
        api=1,
        passes={
            "fold-batch-norm": "nadoo_cleanup.fold_batch_norm:FoldBatchNorm",
            "merge-linear": "nadoo_cleanup.merge_linear:MergeLinear",
            "remove-identities": "nadoo_cleanup.remove_identities:RemoveIdentities",
        },
    )
