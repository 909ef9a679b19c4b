"""What follows from several facts, and devices from plain numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.cost import Device, Fact
from nadoo_core.cost.rates import mac_seconds, missing_rate
from nadoo_core.errors import DeviceError


def known(value: Any) -> Fact[Any]:
    return Fact(value, "a test", "measured")


def test_a_peak_is_that_of_the_whole_device_or_of_some_cores() -> None:
    device = Device(name="toy", cores=known(4), clock_hz=known(2e9), mac_per_cycle={"int8": known(8)})
    whole, one = device.peak("int8"), device.peak("int8", cores=1)
    assert whole is not None
    assert one is not None
    assert (whole.value, whole.quality) == (64e9, "derived")
    assert one.value == 16e9
    assert device.peak("int4") is None


def test_cycles_are_measured_before_they_are_derived() -> None:
    device = Device(
        name="toy",
        clock_hz=known(10.0),
        cycles_per_instruction=known(1.5),
        instructions_per_mac={"linear": {"int8": known(4.0), "int4": known(6.0)}},
        cycles_per_mac={"flash": {"linear": {"int8": known(5.0)}}, "sram": {"linear": {"int8": known(3.0)}}},
    )
    assert device.mac_cycles("linear", "int8") == known(5.0)
    assert device.mac_cycles("linear", "int8", "sram") == known(3.0)
    derived = device.mac_cycles("linear", "int4")
    assert derived is not None
    assert (derived.value, derived.quality) == (9.0, "derived")
    assert device.mac_cycles("conv", "int8") is None
    rate = mac_seconds(device, "linear", "int4")
    assert rate is not None
    assert rate.value == pytest.approx(0.9)
    assert mac_seconds(device, "conv", "int8") is None


def test_a_missing_rate_names_the_fact_that_would_have_given_it() -> None:
    counted = Device(name="toy", clock_hz=known(1.0), instructions_per_mac={"linear": {"int8": known(4.0)}})
    assert "cycles_per_instruction" in missing_rate(counted, "linear", "int8")
    timeless = Device(name="toy", cycles_per_mac={"flash": {"linear": {"int8": known(4.0)}}})
    assert missing_rate(timeless, "linear", "int8") == "clock_hz is not known"
    assert "linear.int8" in missing_rate(Device(name="toy"), "linear", "int8")


def test_pairs_of_precisions_have_rates_of_their_own() -> None:
    pairs = {"int8-int4": known(2.0), "int4-int4": known(4.0)}
    device = Device(name="toy", clock_hz=known(100.0), mac_per_cycle_pair=pairs)
    mixed, same = mac_seconds(device, "conv", "int4", "int8"), mac_seconds(device, "conv", "int4")
    assert mixed is not None
    assert same is not None
    assert (mixed.value, same.value) == (1 / 200, 1 / 400)


def table(**times: float) -> Device:
    return Device(name="toy", seconds_per_mac={"conv": {name: known(value) for name, value in times.items()}})  # type: ignore[dict-item]


def test_precisions_between_those_listed_lie_on_a_log_scale_and_none_beyond() -> None:
    device = table(float32=0.016, int8=0.004)
    found = mac_seconds(device, "conv", "float16")
    assert found is not None
    assert found.value == pytest.approx(0.008)
    assert "float32" in found.note
    assert mac_seconds(device, "conv", "int4") is None
    assert mac_seconds(device, "conv", "float64") is None
    equal = mac_seconds(device, "conv", "uint8")
    assert equal is not None
    assert equal.value == 0.004


@given(st.floats(1e-9, 1e-3), st.floats(1e-9, 1e-3))
def test_what_is_interpolated_lies_between_its_neighbours(wide: float, narrow: float) -> None:
    found = mac_seconds(table(float32=wide, int4=narrow), "conv", "int8")
    assert found is not None
    assert min(wide, narrow) * (1 - 1e-9) <= found.value <= max(wide, narrow) * (1 + 1e-9)


def test_a_device_from_plain_numbers_has_the_facts_that_were_stated_and_no_others() -> None:
    device = Device.from_mapping({"gpu_cores": 5120, "memory_bandwidth": 1e12})
    assert set(device.facts()) == {"cores", "bandwidth.dram"}
    assert {fact.quality for fact in device.facts().values()} == {"stated"}
    assert device.require("bandwidth.dram").value == 1e12
    with pytest.raises(DeviceError, match="clock_hz is not known"):
        device.require("clock_hz")


def test_energies_are_stated_in_millijoules_an_operation() -> None:
    stated = {"gpu_type": "V100", "flops_per_mac": 2, "energy_per_flop": 1e-6, "clock_hz": 1.5e9, "gpu_cores": 80.0}
    device = Device.from_mapping(stated, "mine")
    assert device.require("energy_pj_per_mac.float32").value == pytest.approx(2000.0)
    assert (device.name, device.title) == ("mine", "V100")
    assert device.require("cores").value == 80


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"gpu_core": 1}, "'gpu_cores'"),
        ({"gpu_cores": 0}, "from 1 to"),
        ({"gpu_cores": 1.5}, "an integer"),
        ({"memory_bandwidth": -1e12}, "above 0"),
        ({"energy_per_flop": -1e-6}, "above 0"),
        ({"energy_per_flop": 1e-6, "flops_per_mac": "two"}, "above 0"),
        ({"clock_hz": True}, "a finite number"),
    ],
)
def test_stated_numbers_are_checked_like_those_of_files(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        Device.from_mapping(mapping)


def test_the_energy_of_a_cycle_is_current_times_volts() -> None:
    device = Device(name="toy", current_ua_per_mhz=known(52.0), volts=known(3.0))
    found = device.energy_pj_per_cycle()
    assert found is not None
    assert found.value == pytest.approx(156.0)
    assert Device(name="toy", volts=known(3.0)).energy_pj_per_cycle() is None
