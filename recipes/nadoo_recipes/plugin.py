"""What this package offers: recipes and the models that they use, by name."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """Recipes as files of this package, models as functions that make them."""
    return Plugin(
        api=1,
        models={
            "digits-cnn": "nadoo_recipes.models:digits_cnn",
            "mnist-cnn": "nadoo_recipes.mnist_models:mnist_cnn",
            "mnist-perceptron": "nadoo_recipes.mnist_models:mnist_perceptron",
        },
        recipes={
            "digits-to-c": "nadoo_recipes:digits-to-c.toml",
            "digits-int4": "nadoo_recipes:digits-int4.toml",
            "mnist-cnn": "nadoo_recipes:mnist-cnn.toml",
            "mnist-perceptron": "nadoo_recipes:mnist-perceptron.toml",
            "post-training": "nadoo_recipes:post-training.toml",
            "quickstart": "nadoo_recipes:quickstart.toml",
            "study-bits": "nadoo_recipes:study-bits.toml",
            "study-layers": "nadoo_recipes:study-layers.toml",
            "study-sparsity": "nadoo_recipes:study-sparsity.toml",
            "study-width": "nadoo_recipes:study-width.toml",
        },
    )
