"""Recipes that are wrong, and the exact messages that they get; FOLDER stands for the folder of the recipe."""

# ruff: noqa: E501 - a message is compared as it is, however long

from attrs import frozen

MODEL = '[model]\npython = "a.b:c"\n'
DATA = '[data]\ndataset = "synthetic"\n'
STEP = '[[step]]\npass = "scale-weights"\n'


@frozen
class Bad:
    """A wrong recipe, the changes that make it so, and what is said of it."""

    text: str
    messages: tuple[str, ...]
    changes: tuple[str, ...] = ()


BAD_RECIPES = {
    "no-toml": Bad(
        "name = ",
        ("N13 recipe: is not TOML: Invalid value (at end of document); mend it there",),
    ),
    "duplicate-key": Bad(
        'name = "a"\nname = "b"\n',
        ("N13 recipe: is not TOML: Cannot overwrite a value (at line 2, column 11); mend it there",),
    ),
    "deep": Bad(
        "x = " + "[" * 3000,
        ("N13 recipe: is not TOML: a number or a nesting is too large; mend it there",),
    ),
    "huge-number": Bad(
        "seed = " + "1" * 5000,
        ("N13 recipe: is not TOML: a number or a nesting is too large; mend it there",),
    ),
    "unknown-table": Bad(
        MODEL + '[modle]\npython = "a:b"\n',
        ("N02 recipe: the key 'modle' is unknown; did you mean 'model'?",),
    ),
    "unknown-key": Bad(
        "sed = 1\n" + MODEL,
        ("N02 recipe: the key 'sed' is unknown; did you mean 'seed'?",),
    ),
    "seed-bool": Bad(
        "seed = true\n" + MODEL,
        ("N01 recipe.seed: is true; give an integer of at least 0",),
    ),
    "seed-negative": Bad(
        "seed = -1\n" + MODEL,
        ("N01 recipe.seed: is -1; give an integer of at least 0",),
    ),
    "seed-too-large": Bad(
        "seed = 9223372036854775808\n" + MODEL,
        ("N01 recipe.seed: is 9223372036854775808; give an integer from -2^63 to 2^63 - 1",),
    ),
    "seed-float": Bad(
        "seed = 1.0\n" + MODEL,
        ("N01 recipe.seed: is 1.0; give an integer of at least 0",),
    ),
    "name-number": Bad(
        "name = 1\n" + MODEL,
        ("N01 recipe.name: is 1; give a text",),
    ),
    "compute": Bad(
        'compute = "gpu"\n' + MODEL,
        ("N01 recipe.compute: is 'gpu'; did you mean 'cpu'? Give one of 'cpu', 'cuda', 'mps'",),
    ),
    "model-both": Bad(
        '[model]\npython = "a:b"\nfile = "."\n',
        ("N01 recipe.model: give either `python` or `file`, to say where the model comes from",),
    ),
    "model-none": Bad(
        "[model]\ntrained = true\n",
        ("N01 recipe.model: give either `python` or `file`, to say where the model comes from",),
    ),
    "model-reference": Bad(
        '[model]\npython = "a.b.c:"\n',
        (
            "N13 recipe.model.python: is 'a.b.c:'; give package.module:function, or file.py:function for a file beside the recipe",
        ),
    ),
    "model-unknown-name": Bad(
        '[model]\npython = "resnet"\n',
        (
            "N11 recipe.model.python: is 'resnet', a model that no plugin in use offers; give package.module:function, or file.py:function for a file beside the recipe",
        ),
    ),
    "model-weights-missing": Bad(
        MODEL + 'weights = "w.safetensors"\n',
        ("N13 recipe.model.weights: is 'w.safetensors', which is not in 'FOLDER'; add it",),
    ),
    "model-weights-outside": Bad(
        MODEL + 'weights = "../w.safetensors"\n',
        (
            "N13 recipe.model.weights: is '../w.safetensors', outside of the recipe's folder 'FOLDER'; put it there, or give it by --set",
        ),
    ),
    "model-weights-absolute": Bad(
        MODEL + 'weights = "/etc/passwd"\n',
        (
            "N13 recipe.model.weights: is '/etc/passwd', outside of the recipe's folder 'FOLDER'; put it there, or give it by --set",
        ),
    ),
    "model-file-beside": Bad(
        '[model]\npython = "models.py:f"\n',
        ("N13 recipe.model.python: is 'models.py', which is not in 'FOLDER'; add it",),
    ),
    "model-null-byte": Bad(
        MODEL + 'weights = "a\\u0000b"\n',
        ("N13 recipe.model.weights: is 'a\\x00b', which is no path: embedded null byte",),
    ),
    "model-arguments-nan": Bad(
        MODEL + "arguments = { rate = nan, when = 2020-01-01, deep = { n = 9223372036854775808 } }\n",
        (
            "N01 recipe.model.arguments.rate: is nan; give a finite number",
            "N01 recipe.model.arguments.when: is date 2020-01-01; give a text, a number, true, false, a list or a table",
            "N01 recipe.model.arguments.deep.n: is 9223372036854775808; give an integer from -2^63 to 2^63 - 1",
        ),
    ),
    "model-inputs": Bad(
        MODEL + 'inputs = [[1, 0], { shape = [1], dtype = "float8" }]\n',
        (
            "N01 recipe.model.inputs[1].dtype: is 'float8'; did you mean 'float64' or 'float32'? Give one of 'float32', 'float64', 'int64', 'int32', 'bool'",
        ),
    ),
    "data-unknown": Bad(
        MODEL + '[data]\ndataset = "digit"\n',
        ("N11 recipe.data.dataset: is 'digit', and no plugin in use offers it; did you mean 'digits'?",),
    ),
    "data-missing": Bad(
        MODEL + "[data]\nvalidation = 0.1\n",
        ("N03 recipe.data: the key 'dataset' is missing; give a text",),
    ),
    "data-share": Bad(
        MODEL + DATA + "validation = 1.5\n",
        (
            "N01 recipe.data.validation: is 1.5; give an integer of at least 0 or a fraction from 0 to 1, or a text such as '1 %'",
        ),
    ),
    "data-options": Bad(
        MODEL + DATA + "options = { shap = [8], outputs = 0 }\n",
        (
            "N02 recipe.data.options: the key 'shap' is unknown; did you mean 'shape'?",
            "N01 recipe.data.options.outputs: is 0; give an integer of at least 1",
        ),
    ),
    "loss": Bad(
        MODEL + '[evaluation]\nloss = "cross-entrpy"\n',
        ("N11 recipe.evaluation.loss: is 'cross-entrpy'; did you mean 'cross-entropy'?",),
    ),
    "metric": Bad(
        MODEL + '[evaluation]\nmetric = "acc"\n',
        ("N11 recipe.evaluation.metric: is 'acc'; did you mean 'auc'?",),
    ),
    "budget-kb": Bad(
        MODEL + '[target]\nbudget = { flash = "64 KB", ram = 1.5, latency = "2 weeks" }\n',
        (
            "N01 recipe.target.budget.flash: is '64 KB'; KB could be a thousand or 1024; write '64 KiB' (1024 B each)",
            "N01 recipe.target.budget.ram: is 1.5; give bytes as an integer, or a text such as '64 KiB' or '2 MiB'",
            "N01 recipe.target.budget.latency: is '2 weeks'; the unit 'weeks' is unknown; give seconds as a number, or a text such as '2 ms'",
        ),
    ),
    "step-single": Bad(
        MODEL + '[step]\npass = "scale-weights"\n',
        ("N13 recipe.step: is one table; write [[step]] with double brackets",),
    ),
    "step-number": Bad(
        "step = [1]\n" + MODEL,
        ("N01 recipe.step[0]: is 1; give a table",),
    ),
    "step-without-pass": Bad(
        MODEL + "[[step]]\nfactor = 1\n",
        ("N03 step 1: the key 'pass' is missing; give a text",),
    ),
    "step-unknown-pass": Bad(
        MODEL + '[[step]]\npass = "scale-weight"\n',
        ("N11 step 'scale-weight'.pass: is 'scale-weight': no plugin in use offers it; did you mean 'scale-weights'?",),
    ),
    "step-known-plugin": Bad(
        MODEL + '[[step]]\npass = "fold-batch-norm"\n',
        (
            "N11 step 'fold-batch-norm'.pass: is 'fold-batch-norm': the plugin 'nadoo_cleanup' offers it, which is not installed; install the distribution 'nadoo' anew",
        ),
    ),
    "step-unknown-option": Bad(
        MODEL + STEP + "factr = 0.5\n",
        ("N02 step 'scale-weights': the key 'factr' is unknown; did you mean 'factor'?",),
    ),
    "step-range": Bad(
        MODEL + STEP + "factor = 5\n",
        ("N01 step 'scale-weights'.factor: is 5; give a finite number above 0 and of at most 4",),
    ),
    "step-nan": Bad(
        MODEL + STEP + "factor = nan\n",
        ("N01 step 'scale-weights'.factor: is nan; give a finite number above 0 and of at most 4",),
    ),
    "step-type": Bad(
        MODEL + STEP + 'factor = "0.5"\n',
        ("N01 step 'scale-weights'.factor: is '0.5'; give a finite number above 0 and of at most 4",),
    ),
    "step-missing-option": Bad(
        MODEL + '[[step]]\npass = "measure"\n',
        ("N03 step 'measure': the key 'amount' is missing; give a finite number",),
    ),
    "step-misspelt-own": Bad(
        MODEL + DATA + STEP + "limits = { accuracy_drop = 0.1 }\nallow_nochange = true\n",
        (
            "N02 step 'scale-weights': the key 'limits' is unknown; did you mean 'limit'?",
            "N02 step 'scale-weights': the key 'allow_nochange' is unknown; did you mean 'allow_no_change'?",
        ),
    ),
    "step-limit-empty": Bad(
        MODEL + DATA + STEP + 'limit = { otherwise = "roll back" }\n',
        ("N01 step 'scale-weights'.limit: limits nothing; give accuracy_drop, metric_drop or loss_rise",),
    ),
    "step-limit-otherwise": Bad(
        MODEL + DATA + STEP + 'limit = { accuracy_drop = "2 %", otherwise = "rollback" }\n',
        (
            "N01 step 'scale-weights'.limit.otherwise: is 'rollback'; did you mean 'roll back'? Give one of 'stop', 'roll back'",
        ),
    ),
    "step-limit-no-data": Bad(
        MODEL + STEP + "limit = { accuracy_drop = 0.1 }\n",
        ("N13 step 'scale-weights'.limit: is measured on validation data, and the recipe has none; add [data]",),
    ),
    "step-limit-metric": Bad(
        MODEL + DATA + STEP + "limit = { metric_drop = 0.1 }\n",
        ("N13 step 'scale-weights'.limit.metric_drop: needs a metric; add `metric` to [evaluation]",),
    ),
    "step-limit-no-validation": Bad(
        MODEL + DATA + "validation = 0\n" + STEP + "limit = { loss_rise = 0.1 }\n",
        ("N13 step 'scale-weights'.limit: is measured on validation data, and recipe.data.validation is 0; raise it",),
    ),
    "step-require": Bad(
        MODEL + STEP + "require = { min_changed = 0 }\n",
        ("N01 step 'scale-weights'.require.min_changed: is 0; give an integer of at least 1",),
    ),
    "step-selector": Bad(
        MODEL + STEP + 'where = { op = "linear", exclud = ["a"] }\n',
        ("N02 step 'scale-weights'.where: the key 'exclud' is unknown; did you mean 'exclude'?",),
    ),
    "step-name-twice": Bad(
        MODEL + STEP + 'name = "a"\n' + STEP + 'name = "a"\n',
        ("N13 step 'a'.name: is 'a', like that of an earlier step; choose another name",),
    ),
    "step-name-form": Bad(
        MODEL + STEP + 'name = "a.b"\n',
        (
            "N13 step 'a.b'.name: is 'a.b'; give 1 to 64 letters, digits, hyphens and underscores, a letter or a digit first",
        ),
    ),
    "step-name-section": Bad(
        MODEL + STEP + 'name = "model"\n',
        ("N13 step 'model'.name: is 'model', which is a table of the recipe; choose another name",),
    ),
    "step-choice": Bad(
        MODEL + '[[step]]\npass = "jitter"\nmode = "al"\n',
        ("N01 step 'jitter'.mode: is 'al'; did you mean 'all'? Give one of 'all', 'first'",),
    ),
    "step-path": Bad(
        MODEL + '[[step]]\npass = "read-file"\nfile = "../x"\n',
        (
            "N13 step 'read-file'.file: is '../x', outside of the recipe's folder 'FOLDER'; put it there, or give it by --set",
        ),
    ),
    "flow-need": Bad(
        MODEL + '[[step]]\npass = "needs-calibration"\n',
        (
            "N06 step 'needs-calibration': needs the property 'calibrated' (ranges of activations were measured on calibration data); put a step before this one that establishes it",
        ),
    ),
    "flow-order": Bad(
        MODEL + DATA + '[[step]]\npass = "needs-calibration"\n[[step]]\npass = "measure"\namount = 1\n',
        (
            "N06 step 'needs-calibration': needs the property 'calibrated' (ranges of activations were measured on calibration data); move this step behind 'measure', which establishes it",
        ),
    ),
    "flow-broken": Bad(
        MODEL + "trained = true\n" + DATA + '[[step]]\npass = "measure"\namount = 1\n[[step]]\npass = "jitter"\n',
        (
            "N06 step 'jitter': needs the property 'trained' (its weights come from a training on this task), which step 'measure' breaks; move this step before that one, or establish it again in between",
        ),
    ),
    "export-unknown": Bad(
        MODEL + '[[export]]\nto = "c"\n',
        ("N11 export 1.to: is 'c': no plugin in use offers it; there are none",),
    ),
    "export-no-to": Bad(
        MODEL + '[[export]]\nfor = "c"\n',
        ("N03 export 1: the key 'to' is missing or no text; give the name of an exporter (none is installed)",),
    ),
    "extends-missing": Bad(
        'extends = "base.toml"\n' + MODEL,
        ("N13 recipe.extends: is 'base.toml', which is not in 'FOLDER'; add it",),
    ),
    "extends-outside": Bad(
        'extends = "../base.toml"\n' + MODEL,
        (
            "N13 recipe.extends: is '../base.toml', outside of the recipe's folder 'FOLDER'; put it there, or give it by --set",
        ),
    ),
    "extends-name": Bad(
        'extends = "quickstrt"\n' + MODEL,
        ("N11 recipe 'quickstrt': is neither a file nor the name of an installed recipe; there are none",),
    ),
    "extends-number": Bad(
        "extends = 3\n" + MODEL,
        ("N01 recipe.extends: is 3; give a text",),
    ),
    "set-form": Bad(
        MODEL + STEP,
        ("N13 --set factor: give STEP.OPTION=VALUE, such as heal.epochs=2 or seed=1",),
        changes=("factor",),
    ),
    "set-unknown-step": Bad(
        MODEL + STEP,
        ("N02 --set scale-weight.factor=1: there is no step or table 'scale-weight'; did you mean 'scale-weights'?",),
        changes=("scale-weight.factor=1",),
    ),
    "set-unknown-option": Bad(
        MODEL + STEP,
        ("N02 step 'scale-weights': the key 'factr' is unknown; did you mean 'factor'?",),
        changes=("scale-weights.factr=1",),
    ),
    "set-whole-step": Bad(
        MODEL + STEP,
        ("N13 --set scale-weights=1: names the step 'scale-weights' as a whole; give one of its options",),
        changes=("scale-weights=1",),
    ),
    "set-not-a-table": Bad(
        MODEL + STEP,
        ("N01 recipe.seed: is a table; give an integer of at least 0",),
        changes=("seed.x=1",),
    ),
    "set-value": Bad(
        MODEL + STEP,
        ("N01 step 'scale-weights'.factor: is 'ten'; give a finite number above 0 and of at most 4",),
        changes=("scale-weights.factor=ten",),
    ),
    "many": Bad(
        'seed = -1\ncompute = "tpu"\n[model]\nfile = "nowhere"\n' + STEP + 'factor = 9\n[[step]]\npass = "nothing"\n',
        (
            "N13 recipe.model.file: is 'nowhere', which is not in 'FOLDER'; add it",
            "N01 recipe.seed: is -1; give an integer of at least 0",
            "N01 recipe.compute: is 'tpu'; did you mean 'cpu'? Give one of 'cpu', 'cuda', 'mps'",
            "N01 step 'scale-weights'.factor: is 9; give a finite number above 0 and of at most 4",
            "N11 step 'nothing'.pass: is 'nothing': no plugin in use offers it; allowed: idle, jitter, learn, measure, needs-calibration, nonsense, raises, read-file, rename, scale-weights",
        ),
    ),
}
