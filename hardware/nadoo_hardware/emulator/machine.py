"""One run on unicorn: blocks are counted with the block before them, the stack is painted, faults are explained."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from ctypes import CFUNCTYPE, c_uint32, c_uint64, c_void_p
from typing import Any

from attrs import define, field, frozen

from nadoo_hardware.emulator.cores import Core
from nadoo_hardware.emulator.errors import EmulationError, failed, tool
from nadoo_hardware.emulator.program import Program

PAGE = 4096
PAINT = b"\xa5"
PLACES = (0x3000_0000, 0x7000_0000, 0x0100_0000, 0x9000_0000)
GUARD = 64 * 1024
LONGEST = 4
ACCESSES = {19: "read", 20: "written", 21: "executed", 22: "written", 23: "read", 24: "executed"}
BLOCK_HOOK = CFUNCTYPE(None, c_void_p, c_uint64, c_uint32, c_void_p)
Edges = Mapping[tuple[int, int, int], int]
Path = tuple[str, ...]
"""The kernels that were called and have not returned, the outermost first."""
NOWHERE = -1
Counted = defaultdict[tuple[int, int, int], int]
BlockHook = Callable[[Any, int, int, Any], None]


def new_edges() -> Counted:
    """No block yet."""
    return defaultdict(int)


@frozen
class Trace:
    """What a run leaves."""

    edges: Mapping[Path, Edges]
    """Inside which kernels → (address of the block before, address, bytes) → how many times."""
    stack_bytes: int
    memory: Mapping[str, bytes]


class KernelStack:
    """Which kernels a run is inside of, and the counts of where it is."""

    def __init__(self, engine: Any, link: int, kernels: Mapping[int, str], edges: "defaultdict[Path, Counted]") -> None:
        self.engine, self.link, self.kernels, self.edges = engine, link, kernels, edges
        self.calls: list[tuple[int, str]] = []
        self.settle(NOWHERE)

    def enter(self, _handle: Any, address: int, _size: int, _: Any) -> None:
        """A block where a kernel begins."""
        called = self.engine.reg_read(self.link) & ~1, self.kernels[address]
        if not self.calls or self.calls[-1] != called:  # else it is a loop that begins where its function does
            self.calls.append(called)
            self.settle(NOWHERE)

    def settle(self, address: int) -> None:
        """Leave the kernels that return to an address; `home` is where the innermost one will return to."""
        while self.calls and self.calls[-1][0] == address:
            self.calls.pop()
        self.home = self.calls[-1][0] if self.calls else NOWHERE
        self.counted = self.edges[tuple(name for _, name in self.calls)]


@define
class Watch:
    """What the hooks note during a run."""

    most_bytes: int
    kernels: Mapping[int, str]
    edges: defaultdict[Path, Counted] = field(factory=lambda: defaultdict(new_edges))
    block: int = 0
    executed: int = 0
    fault: tuple[int, int] | None = None
    raised: BaseException | None = None

    def on_block(self, engine: Any, link: int) -> tuple[BlockHook, BlockHook]:
        """The hook of blocks, which does as little as possible since it is called millions of times.

        Beside it, that of the blocks where kernels begin, which must be called before. `link` is the register that
        says where a function returns to.
        """
        inside = KernelStack(engine, link, self.kernels, self.edges)
        most, before, executed = self.most_bytes, 0, 0

        def count(_handle: Any, address: int, size: int, _: Any) -> None:
            nonlocal before, executed
            try:
                if address == inside.home:
                    inside.settle(address)
                inside.counted[before, address, size] += 1
                self.block = before = address
                executed += size
                if executed > most:
                    self.executed = executed
                    engine.emu_stop()
            except BaseException as error:
                self.raised = error
                engine.emu_stop()

        return count, inside.enter

    def on_fault(self, _machine: Any, access: int, address: int, _size: int, _value: int, _: Any) -> bool:
        """Note what was accessed, and stop."""
        self.fault = (access, address)
        return False


@define
class Machine:
    """A core with a program in its memory."""

    core: Core
    program: Program
    engine: Any
    registers: tuple[int, int, int]
    """unicorn's numbers of the program counter, the stack pointer and where to return to."""
    stack: int = 0
    home: int = 0

    @classmethod
    def of(cls, core: Core, program: Program) -> "Machine":
        """Load a program."""
        unicorn = tool("unicorn")
        if core.architecture == "arm":
            names = tool("unicorn.arm_const")
            engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
            engine.ctl_set_cpu_model(getattr(names, str(core.model)))
            registers = (names.UC_ARM_REG_PC, names.UC_ARM_REG_SP, names.UC_ARM_REG_LR)
        else:
            names = tool("unicorn.riscv_const")
            engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
            registers = (names.UC_RISCV_REG_PC, names.UC_RISCV_REG_SP, names.UC_RISCV_REG_RA)
        machine = cls(core, program, engine, registers)
        machine.load()
        return machine

    def load(self) -> None:
        """Map the pages of the program and no more, so that a stray access is a fault; then the stack."""
        unicorn, pages = tool("unicorn"), dict[int, int]()
        for segment in self.program.segments:
            rights = unicorn.UC_PROT_ALL if segment.writable else unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
            for page in range(segment.address // PAGE, (segment.address + segment.size - 1) // PAGE + 1):
                pages[page] = pages.get(page, 0) | rights
        for first, count, rights in runs_of(pages):
            self.engine.mem_map(first * PAGE, count * PAGE, rights)
        for segment in self.program.segments:
            self.engine.mem_write(segment.address, segment.data)
        self.stack = self.free_place(pages)
        self.home = self.stack + self.core.stack_bytes + GUARD
        self.engine.mem_map(self.stack, self.core.stack_bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        self.engine.mem_write(self.stack, PAINT * self.core.stack_bytes)
        self.engine.mem_map(self.home, PAGE)

    def free_place(self, pages: Mapping[int, int]) -> int:
        """Where the program is not."""
        length = self.core.stack_bytes + 2 * GUARD + PAGE
        for place in PLACES:
            first, last = (place - GUARD) // PAGE, (place + length) // PAGE
            if not any(first <= page <= last for page in pages):
                return place
        raise failed(str(self.program.path), "leaves no room for a stack; link it to fewer addresses")

    def run(self, entry: str, symbols: Sequence[str], kernels: Mapping[int, str], limit: int) -> Trace:
        """Call a function without arguments and wait for its return; blocks are told apart by kernels."""
        unicorn = tool("unicorn")
        start, wanted = self.program.function(entry), [self.program.object(name) for name in symbols]
        counter, pointer, link = self.registers
        thumb = int(self.core.architecture == "arm")
        watch = Watch(limit * LONGEST, kernels)
        self.engine.reg_write(pointer, self.stack + self.core.stack_bytes)
        self.engine.reg_write(link, self.home | thumb)
        count, enter = watch.on_block(self.engine, link)
        for address in kernels:
            self.engine.hook_add(unicorn.UC_HOOK_BLOCK, enter, begin=address, end=address)
        hook = hook_blocks(self.engine, unicorn.UC_HOOK_BLOCK, count)
        self.engine.hook_add(unicorn.UC_HOOK_MEM_INVALID, watch.on_fault)
        try:
            self.engine.emu_start(start.address | thumb, self.home)
        except unicorn.UcError as error:
            raise self.explained(error, watch) from error
        finally:
            del hook
        if watch.raised is not None:
            raise watch.raised
        if watch.executed:
            raise over_limit(entry, limit, self.program.name_at(watch.block))
        if self.engine.reg_read(counter) & ~1 != self.home:
            raise failed(self.place(watch), "stopped before the entry returned; do not halt or wait for interrupts")
        memory = {one.name: bytes(self.engine.mem_read(one.address, one.size)) for one in wanted}
        return Trace({name: dict(edges) for name, edges in watch.edges.items()}, self.used_stack(), memory)

    def used_stack(self) -> int:
        """From the top to the lowest byte that was written."""
        return len(bytes(self.engine.mem_read(self.stack, self.core.stack_bytes)).lstrip(PAINT))

    def place(self, watch: Watch) -> str:
        """The function and the address where the program is."""
        counter = self.engine.reg_read(self.registers[0])
        name = self.program.name_at(counter)
        return f"{name if name != '?' else self.program.name_at(watch.block)} at {counter:#x}"

    def explained(self, error: Exception, watch: Watch) -> EmulationError:
        """A fault in words."""
        if watch.fault is None:
            message = f"an instruction that {self.core.title} does not have, or a trap ({error})"
            return failed(self.place(watch), f"{message}; compile for this core, without system calls")
        access, address = watch.fault
        if self.stack - GUARD <= address < self.stack:
            return failed(self.place(watch), f"the stack overflows: more than {self.core.stack_bytes:,} bytes are used")
        what = ACCESSES.get(access, "accessed")
        message = f"address {address:#010x} is {what}, where the program has no such memory"
        return failed(self.place(watch), f"{message}; peripherals are not emulated, constants cannot be written")


def hook_blocks(engine: Any, kind: int, count: BlockHook) -> object:
    """Have a function called at every block; what is returned must live as long as the run.

    unicorn's own way wraps the function twice, which takes half of the time; where its inner way is not there, that
    one serves.
    """
    add = getattr(engine, "_Uc__do_hook_add", None)
    if add is None:
        return engine.hook_add(kind, count)
    called = BLOCK_HOOK(count)
    add(kind, called, 1, 0)
    return called


def over_limit(entry: str, limit: int, function: str) -> EmulationError:
    """The error of a program that does not end."""
    message = f"did not return within {limit:,} instructions; it was in {function!r}; raise the limit or give it less"
    return failed(entry, message)


def runs_of(pages: Mapping[int, int]) -> list[tuple[int, int, int]]:
    """Neighbouring pages of equal rights as (first, how many, rights)."""
    found: list[tuple[int, int, int]] = []
    for page in sorted(pages):
        if found and found[-1][0] + found[-1][1] == page and found[-1][2] == pages[page]:
            first, count, rights = found.pop()
            found.append((first, count + 1, rights))
        else:
            found.append((page, 1, pages[page]))
    return found
