"""Write the golden files anew after a pass was changed on purpose: `python -m tests.golden.rewrite`; read the diff."""

from pathlib import Path

from nadoo_core.registry import Registry
from nadoo_core.testing import golden_cases
from tests.golden.builders import BUILDERS

FOLDER = Path(__file__).parent


def main() -> None:
    """Rewrite every case that differs, and say which."""
    registry = Registry.of()
    for case in golden_cases(FOLDER):
        for name in case.rewrite(BUILDERS[case.name](), registry.pass_class(case.pass_name)):
            print(f"{case.name}/{name}")  # noqa: T201


if __name__ == "__main__":
    main()
