"""Learning-rate schedules as pure functions of the epoch, so that a resumed training finds its rate again.

Nothing here touches an optimizer: a trainer asks `schedule.rate(epoch)` and sets what it is told. Epochs count from
0 and may be fractions, where the rate is set at every step.
"""

from nadoo_core.formulas.schedules.adjusted import CyclicRate, LinearWarmup, RateAt, TwoStep
from nadoo_core.formulas.schedules.basic import (
    ConstantRate,
    CosineRate,
    Schedule,
    StepRate,
    WarmRestarts,
)
from nadoo_core.formulas.schedules.table import make_schedule, schedules

__all__ = [
    "ConstantRate",
    "CosineRate",
    "CyclicRate",
    "LinearWarmup",
    "RateAt",
    "Schedule",
    "StepRate",
    "TwoStep",
    "WarmRestarts",
    "make_schedule",
    "schedules",
]
