"""Where the ranges of estimates come from, said with every estimate: held-out measurements, or what is assumed."""

from collections import Counter
from collections.abc import Sequence

from nadoo_core.cost import Device
from nadoo_core.cost.calibrated import CalibratedCost
from nadoo_hardware.estimators.energy import running_watts
from nadoo_hardware.estimators.latency import BASES, CALIBRATION, EXECUTED, Timed

WORTH_TELLING = 0.005
"""The share of the time below which a basis is not named, as it would be 0 %."""
COUNTED = "counted"


def ranges_of(device: Device, times: Sequence[Timed], printed: bool = False) -> dict[str, str]:
    """A sentence for each cost; `printed` says that code follows from the statements of the program."""
    latency = latency_basis(device, times)
    by_time = "assumed for power, times latency" if running_watts(device) else "assumed for operations and bytes"
    return {
        "macs": COUNTED,
        "flash_bytes": f"tensors counted, code: {code_basis(device, printed)}",
        "peak_ram_bytes": COUNTED,
        "latency_s": latency,
        "energy_j": f"{by_time}; latency: {latency}" if running_watts(device) and latency else by_time,
    }


def latency_basis(device: Device, times: Sequence[Timed]) -> str:
    """What the time comes from; where that is several things, each with its share of it."""
    spent: Counter[str] = Counter()
    for time in times:
        if time.basis and time.number.value is not None:
            spent[time.basis] += time.number.value  # pyright: ignore[reportArgumentType]
    whole = sum(spent.values())
    fitted = None if device.calibration is None else device.calibration.latency
    executed = None if device.calibration is None else device.calibration.executed
    names = {**BASES, CALIBRATION: calibrated_text(device, fitted), EXECUTED: calibrated_text(device, executed)}
    told = [(basis, part / whole) for basis, part in spent.most_common() if whole and part / whole >= WORTH_TELLING]
    if len(told) < 2:
        return "; ".join(names[basis] for basis, _ in told or spent.items())
    return "; ".join(f"{names[basis]} ({part:.0%} of the time)" for basis, part in told)


def code_basis(device: Device, printed: bool = False) -> str:
    """What the size of the code comes from."""
    calibration = device.calibration
    fitted = None if calibration is None else calibration.printed if printed else calibration.code
    return "assumed" if fitted is None else calibrated_text(device, fitted)


def calibrated_text(device: Device, fitted: CalibratedCost | None) -> str:
    """A calibration by its name, and what it is worth."""
    if device.calibration is None or fitted is None:
        return ""
    return f"calibration {device.calibration.name!r}, {fitted.worth}"
