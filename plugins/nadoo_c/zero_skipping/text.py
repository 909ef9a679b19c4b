"""The C of a layer: list the inputs that are not zero, then add their weights, eight outputs at a time."""

from string import Template

from attrs import frozen

FOUR_BITS, TWO_BITS = 4, 2
FEW_FEATURES = 256
WORDS = {FOUR_BITS: "uint32_t", TWO_BITS: "uint16_t"}

NO_MULTIPLIER = """\
#if defined(__riscv) && !defined(__riscv_mul) && !defined(__riscv_zmmul)
#define NADOO_NO_MULTIPLIER
#endif
"""

BOUNDED = """\
/* A distance from the zero point as a code between two bounds. */
static inline int32_t nadoo_bounded(int32_t value, int32_t low, int32_t high, int32_t zero_point) {
    return (value < low ? low : value > high ? high : value) + zero_point;
}
"""

ADD = Template("""\
/* Adds to eight sums what the listed inputs give: two sums share a register until `turns` inputs have filled it. An
   entry is the place of an input's weights, shifted by $width, and the input itself. */
static void $name(const $word *columns, const $entry *entry, const $entry *end, int32_t *sums, int32_t turns) {
    while (entry != end) {
        const $entry *const stop = end - entry > turns ? entry + turns : end;
        uint32_t sum0 = 0u, sum1 = 0u, sum2 = 0u, sum3 = 0u;
        do {
            uint32_t value = *entry & ${values}u;
            const uint32_t word = $found;
$spread            uint32_t pair0 = $source & ${mask}u, pair1 = ($source >> $shift1) & ${mask}u;
            uint32_t pair2 = ($source >> $shift2) & ${mask}u, pair3 = ($source >> $shift3) & ${mask}u;
            entry++;
#ifdef NADOO_NO_MULTIPLIER
            do {
                if ((value & 1u) != 0u) {
                    sum0 += pair0;
                    sum1 += pair1;
                    sum2 += pair2;
                    sum3 += pair3;
                }
                pair0 <<= 1;
                pair1 <<= 1;
                pair2 <<= 1;
                pair3 <<= 1;
                value >>= 1;
            } while (value != 0u);
#else
            sum0 += pair0 * value;
            sum1 += pair1 * value;
            sum2 += pair2 * value;
            sum3 += pair3 * value;
#endif
        } while (entry != stop);
        sums[0] += (int32_t)(sum0 & 0xFFFFu);
        sums[1] += (int32_t)(sum1 & 0xFFFFu);
        sums[2] += (int32_t)(sum2 & 0xFFFFu);
        sums[3] += (int32_t)(sum3 & 0xFFFFu);
        sums[4] += (int32_t)(sum0 >> 16);
        sums[5] += (int32_t)(sum1 >> 16);
        sums[6] += (int32_t)(sum2 >> 16);
        sums[7] += (int32_t)(sum3 >> 16);
    }
}
""")

BODY = Template("""\
$entry *const list = ($entry *)(void *)scratch;
${ends}for (int32_t r = 0; r < $rows; r++) {
    const $given *const row = x + r * $features;
    $entry *above = list;
$declared    int32_t total = 0;
    for (uint32_t i = 0u; i < ${features}u; i++) {
        const int32_t value = (int32_t)row[i]$less;
        if (value > 0) {
            *above++ = ($entry)(i * ${place}u | (uint32_t)value);
            total += value;
        }$negative
    }
    for (int32_t g = 0; g < $groups; g++) {
        const $word *const group = columns + g * $features;
        int32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        $add(group, list, above, sums, $turns);
$subtract        for (int32_t k = 0; k < 8 && 8 * g + k < $outputs; k++) {
            const int32_t o = 8 * g + k;
            const int32_t sum = $sum;
            y[r * $outputs + o] = $result;
        }
    }
}
""")

END = Template("$entry *const end = list + $features;\n")
BELOW = Template("    $entry *below = end;\n")
NEGATIVE = Template(""" else if (value < 0) {
            *--below = ($entry)(i * ${place}u | (uint32_t)-value);
            total += value;
        }""")
SUBTRACT = Template("""\
        if (below != end) {
            int32_t less[8] = {0, 0, 0, 0, 0, 0, 0, 0};
            $add(group, below, end, less, $turns);
            for (int32_t k = 0; k < 8; k++) {
                sums[k] -= less[k];
            }
        }
""")


@frozen(kw_only=True)
class Layer:
    """All that the text of a layer depends on."""

    bits: int
    rows: int
    features: int
    outputs: int
    groups: int
    given: str
    """The type of the inputs."""
    zero_point: int
    negative: bool
    """Whether an input may lie below its zero point."""
    turns: int
    step: int
    offset: int
    starts: bool
    result: str
    """The C of the code that is stored, from `sum` and `o`."""

    def body(self) -> str:
        """The statements of the function."""
        entry = {"entry": self.entries.kind, "place": self.entries.place, "add": self.entries.helper}
        places = {**entry, "turns": self.turns}
        return BODY.substitute(
            places,
            rows=self.rows,
            features=self.features,
            outputs=self.outputs,
            groups=self.groups,
            given=self.given,
            word=WORDS[self.bits],
            less=plus(-self.zero_point),
            ends=END.substitute(entry, features=self.features) if self.negative else "",
            declared=BELOW.substitute(entry) if self.negative else "",
            negative=NEGATIVE.substitute(places) if self.negative else "",
            subtract=SUBTRACT.substitute(places) if self.negative else "",
            sum=self.sum_text(),
            result=self.result,
        )

    @property
    def entries(self) -> "Entries":
        """How inputs are listed."""
        return Entries(self.bits, short=self.features <= FEW_FEATURES)

    def sum_text(self) -> str:
        """The accumulator from the levels' sums: weights are offset + step × level."""
        parts = ["sums[k]" if self.step == 1 else f"{self.step} * sums[k]"]
        if self.offset:
            parts.append(f"({self.offset}) * total")
        return " + ".join([*parts, *(["starts[o]"] if self.starts else [])])


@frozen
class Entries:
    """How inputs are listed: which one, and its value, in one number.

    Short entries are for layers of so few inputs that a byte tells one; others hold how far weights lie from the first.
    """

    bits: int
    short: bool

    @property
    def kind(self) -> str:
        """The type of an entry."""
        return "uint16_t" if self.short else "uint32_t"

    @property
    def bytes(self) -> int:
        """The memory that one takes."""
        return 2 if self.short else 4

    @property
    def place(self) -> int:
        """What an entry counts for each input before it."""
        return 1 << 8 if self.short else self.bits << 16

    @property
    def helper(self) -> str:
        """The name of the function that adds what is listed."""
        return f"nadoo_add_{'short_' if self.short else ''}list_{self.bits}"

    def text(self) -> str:
        """That function."""
        wide, word = self.bits == FOUR_BITS, WORDS[self.bits]
        far = f"*(const {word} *)(const void *)((const uint8_t *)columns + (*entry >> 16))"
        return ADD.substitute(
            name=self.helper,
            entry=self.kind,
            width=8 if self.short else 16,
            values="0xFF" if self.short else "0xFFFF",
            found="columns[*entry >> 8]" if self.short else far,
            word=word,
            mask="0x000F000F" if wide else "0x00030003",
            source="word" if wide else "both",
            spread="" if wide else "            const uint32_t both = word | word << 8;\n",
            shift1=self.bits,
            shift2=2 * self.bits,
            shift3=3 * self.bits,
        )


def plus(number: int) -> str:
    """The end of a sum, nothing where nothing is added."""
    return f" {'-' if number < 0 else '+'} {abs(number)}" if number else ""
