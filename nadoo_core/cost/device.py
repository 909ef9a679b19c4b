"""Device: what is publicly known about a piece of hardware, fact by fact; what is not known is absent."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args, get_origin

from attrs import evolve, frozen

from nadoo_core.cost.calibrated import Calibrated
from nadoo_core.cost.declaring import amount, count, facts
from nadoo_core.cost.fact import Fact
from nadoo_core.cost.precision import Precision
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_core.options import Bounds, Bytes, Options, did_you_mean, option, option_fields, unstructure

Placement: TypeAlias = Literal["flash", "sram"]
Kind: TypeAlias = Literal["conv", "depthwise", "linear", "other"]
"""The class of a node that a rate holds for."""
Level: TypeAlias = Literal["l1", "l2", "l3", "cache_8k", "cache_32k", "cache_1m", "sram", "flash", "qspi", "dram"]
Instruction: TypeAlias = Literal[
    "load", "store", "alu", "shift", "multiply", "multiply_long", "multiply_high", "divide", "simd",
    "branch_taken", "branch_not_taken", "jump", "call", "return", "float", "float_multiply", "float_divide", "other",
]  # fmt: skip
Number: TypeAlias = Fact[float]
Count: TypeAlias = Fact[int]
Size: TypeAlias = Fact[Bytes]
Flag: TypeAlias = Fact[bool]
Rates: TypeAlias = Mapping[Kind, Mapping[Precision, Number]]

HIGHEST_CLOCK = 1e10
PEBIBYTE = 2**50
NAME = r"lower-case letters and digits, parts joined by hyphens or underscores"


@frozen(kw_only=True)
class Device(Options):
    """A piece of hardware as a value: every number is a fact with its source, and unknown facts are absent."""

    name: str = option(help="the name that users call it by, in lower case", min_length=1, max_length=60)
    title: str = option(default="", max_length=200, help="the name that its maker gave it")
    aliases: tuple[Annotated[str, Bounds(min_length=1)], ...] = option(default=(), help="other names")
    summary: str = option(default="", max_length=1000, help="what it is, and what its numbers hold for")
    isa: str | None = option(default=None, min_length=1, help="the instruction set, such as armv7e-m or rv32ec")
    core: str | None = option(default=None, min_length=1, help="the processor core, such as Cortex-M4F")
    placement: Placement | None = option(default=None, help="where code and weights are executed from")

    cores: Count | None = count("processor cores; of a GPU its multiprocessors or stated cores", 1_000_000)
    clock_hz: Number | None = amount("the highest clock, in Hz", HIGHEST_CLOCK)
    sram_bytes: Size | None = count("working memory on the chip", PEBIBYTE)
    flash_bytes: Size | None = count("program memory on the chip", PEBIBYTE)
    dram_bytes: Size | None = count("main memory outside the chip", PEBIBYTE)
    wait_states: Count | None = count("cycles that an access to flash waits at the highest clock", 100, minimum=0)
    has_mul: Flag | None = option(default=None, help="whether it multiplies in hardware")
    has_divide: Flag | None = option(default=None, help="whether it divides in hardware")
    has_simd: Flag | None = option(default=None, help="whether one instruction works on several small integers")
    has_fpu: Flag | None = option(default=None, help="whether it computes with float32 in hardware")

    mac_per_cycle: Mapping[Precision, Number] = facts("peak multiply-accumulates a cycle and core, by precision", 1e6)
    mac_per_second: Mapping[Precision, Number] = facts("peak multiply-accumulates a second of the whole device", 1e18)
    mac_per_cycle_pair: Mapping[str, Number] = facts(
        "multiply-accumulates a cycle by the precisions of activations and weights, such as int8-int4", 1e6
    )
    cycles_per_mac: Mapping[Placement, Rates] = facts(
        "measured cycles a multiply-accumulate, by placement, class of layer and precision", 1e6
    )
    instructions_per_mac: Rates = facts("executed instructions a multiply-accumulate, by class and precision", 1e6)
    cycles_per_instruction: Number | None = amount("average cycles an instruction in the kernels of networks", 1000)
    seconds_per_mac: Rates = facts("seconds a multiply-accumulate, by class of layer and precision", 1)
    cycle_formula: Literal["gap8"] | None = option(default=None, help="the published formula of its cycles by shape")
    cycles: Mapping[Instruction, Number] = facts("cycles of an instruction, by class of instruction", 10_000)
    bandwidth: Mapping[Level, Number] = facts("bytes a second, by level of memory", 1e15)
    overhead_s: Number | None = amount("seconds that calling one operator costs by itself", 60)

    energy_pj_per_mac: Mapping[Precision, Number] = facts("picojoules a multiply-accumulate, by precision", 1e9)
    energy_pj_per_byte: Mapping[Level, Number] = facts("picojoules a byte moved, by level of memory", 1e9)
    static_w: Number | None = amount("watts that it draws whatever it does", 1e6)
    idle_w: Number | None = amount("watts of the least average power that is plausible", 1e6)
    active_w: Number | None = amount("watts while it computes", 1e6)
    tdp_w: Number | None = amount("watts of the highest average power", 1e6)
    current_ua_per_mhz: Number | None = amount("supply current while it computes, in µA a MHz", 1e6)
    volts: Number | None = amount("supply voltage that the current was measured at", 1000)

    calibration: Calibrated | None = option(
        default=None, help="costs fitted to measurements, as a table or as the path of a file beside this one"
    )

    @property
    def option_place(self) -> str:
        """How messages name it."""
        return f"device {self.name!r}"

    def complaints(self) -> Iterator[str]:
        """Names that could not be typed, aliases said twice, and pairs of precisions that are none."""
        for name in (self.name, *self.aliases):
            if not name.replace("-", "a").replace("_", "a").isalnum() or name != name.lower():
                yield f"has the name {name!r}; give {NAME}"
        for alias in self.aliases:
            if alias == self.name or self.aliases.count(alias) > 1:
                yield f"has the alias {alias!r} twice; name each once"
        for pair in self.mac_per_cycle_pair:
            if pair.count("-") != 1:
                yield f"has the pair {pair!r} in mac_per_cycle_pair; give activations-weights, such as int8-int4"
        fitted = {} if self.calibration is None else self.calibration.costs
        if self.clock_hz is None and any(cost.unit == "cycles" for cost in fitted.values()):
            yield "is calibrated in cycles, and clock_hz is not known; add it with its source"

    # --- facts ----------------------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Fact[Any]]:
        """Every known fact by its path, such as clock_hz or cycles_per_mac.flash.conv.int8."""
        return {
            path: fact
            for item in option_fields(type(self))
            for path, fact in flattened(item.key, getattr(self, item.attribute))
        }

    def unknown(self) -> tuple[str, ...]:
        """The facts of the schema that this device lacks."""
        fields = option_fields(type(self))
        return tuple(item.key for item in fields if holds_facts(item.annotation) and not getattr(self, item.attribute))

    def fact(self, path: str) -> Fact[Any] | None:
        """The fact at a path, or None where it is not known; a path that no device could have is refused."""
        head = path.partition(".")[0]
        known = [item.key for item in option_fields(type(self)) if holds_facts(item.annotation)]
        if head not in known:
            message = f"no device has such a fact; {did_you_mean(head, known)}"
            raise DeviceError(Problem(CoreCode.UNKNOWN_NAME, f"fact {path!r}", message))
        return self.facts().get(path)

    def require(self, path: str) -> Fact[Any]:
        """The fact at a path; where it is not known, an error says so, and no guess takes its place."""
        found = self.fact(path)
        if found is None:
            message = f"{path} is not known; add it to a device file of your own, with its source"
            raise DeviceError(Problem(CoreCode.MISSING_FACT, self.option_place, message))
        return found

    def fingerprint(self) -> str:
        """A digest of all that is said, so that a report names the facts that it was made with."""
        text = json.dumps(unstructure(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    # --- what follows from several facts -----------------------------------------------------------------------------

    def peak(self, precision: str, cores: int | None = None) -> Number | None:
        """The peak in multiply-accumulates a second, on all cores or on some; None where a part of it is not known."""
        whole = find(self.mac_per_second, precision)
        if whole is not None and cores is None:
            return whole
        rate, all_cores = find(self.mac_per_cycle, precision), self.cores
        if rate is None or self.clock_hz is None or (cores is None and all_cores is None):
            return None
        used = cores if cores is not None else all_cores.value if all_cores is not None else 1
        note = f"mac_per_cycle.{precision} × clock_hz × {used} core{'s' * (used != 1)}"
        return Fact(rate.value * self.clock_hz.value * used, rate.source, "derived", note)

    def mac_cycles(self, kind: str, precision: str, placement: str | None = None) -> Number | None:
        """The cycles of one multiply-accumulate: measured, or instructions × cycles an instruction; else None."""
        measured = find(self.cycles_per_mac, placement or self.placement or "flash", kind, precision)
        if measured is not None:
            return measured
        executed, each = find(self.instructions_per_mac, kind, precision), self.cycles_per_instruction
        if executed is None or each is None:
            return None
        note = f"instructions_per_mac.{kind}.{precision} × cycles_per_instruction"
        return Fact(executed.value * each.value, executed.source, "derived", note)

    def energy_pj_per_cycle(self) -> Number | None:
        """The energy of one cycle of a microcontroller: volts × current a MHz."""
        if self.current_ua_per_mhz is None or self.volts is None:
            return None
        current = self.current_ua_per_mhz
        return evolve(current, value=current.value * self.volts.value, quality="derived", note="current × volts")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], name: str = "stated") -> "Device":
        """A device from plain numbers, such as {"gpu_cores": 5120, "memory_bandwidth": 1e12}; it knows no more."""
        from nadoo_core.cost.stated import stated_device

        return stated_device(mapping, name)


def find(table: Mapping[Any, Any], *keys: str) -> Any:
    """What nested tables hold under some keys, or None."""
    found: Any = table
    for key in keys:
        found = None if found is None else found.get(key)
    return found


def flattened(path: str, value: Any) -> Iterator[tuple[str, Fact[Any]]]:
    """The facts in a fact, in tables of them, or in nothing at all."""
    if isinstance(value, Fact):
        yield path, cast("Fact[Any]", value)
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            yield from flattened(f"{path}.{key}", item)


def holds_facts(annotation: Any) -> bool:
    """Whether a field of a device is a fact or a table of them."""
    return get_origin(annotation) is Fact or any(holds_facts(part) for part in get_args(annotation))
