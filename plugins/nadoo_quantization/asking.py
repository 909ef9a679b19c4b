"""What a user asked for and cannot have, said as the refusal of a step."""

from collections.abc import Generator
from contextlib import contextmanager

from nadoo_core.errors import PassError
from nadoo_core.passes import Context
from nadoo_graphs.errors import GraphError


@contextmanager
def asked(context: Context) -> Generator[None]:
    """Options and data that cannot be used become the refusal of the step, with the same words."""
    try:
        yield
    except PassError:
        raise
    except GraphError as error:
        raise PassError(error.problems, f"step {context.step!r}:") from None
