"""The C of a layer: list the inputs that are not zero, then add their weights, eight outputs at a time."""

from string import Template

from attrs import frozen

FOUR_BITS, TWO_BITS = 4, 2
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
   entry is the place of an input's weights, shifted by 16, and the input itself. */
static void nadoo_add_listed_$bits(const $word *columns, const uint32_t *entry, const uint32_t *end, int32_t *sums,
                              int32_t turns) {
    while (entry != end) {
        const uint32_t *const stop = end - entry > turns ? entry + turns : end;
        uint32_t sum0 = 0u, sum1 = 0u, sum2 = 0u, sum3 = 0u;
        do {
            uint32_t value = *entry & 0xFFFFu;
            const uint32_t word = *(const $word *)(const void *)((const uint8_t *)columns + (*entry >> 16));
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
uint32_t *const list = (uint32_t *)(void *)scratch;
${ends}for (int32_t r = 0; r < $rows; r++) {
    const $given *const row = x + r * $features;
    uint32_t *above = list;
$declared    int32_t total = 0;
    for (uint32_t i = 0u; i < ${features}u; i++) {
        const int32_t value = (int32_t)row[i]$less;
        if (value > 0) {
            *above++ = i * ${place}u | (uint32_t)value;
            total += value;
        }$negative
    }
    for (int32_t g = 0; g < $groups; g++) {
        const $word *const group = columns + g * $features;
        int32_t sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        nadoo_add_listed_$bits(group, list, above, sums, $turns);
$subtract        for (int32_t k = 0; k < 8 && 8 * g + k < $outputs; k++) {
            const int32_t o = 8 * g + k;
            const int32_t sum = $sum;
            y[r * $outputs + o] = $result;
        }
    }
}
""")

END = Template("uint32_t *const end = list + $features;\n")
BELOW = "    uint32_t *below = end;\n"
NEGATIVE = Template(""" else if (value < 0) {
            *--below = i * ${place}u | (uint32_t)-value;
            total += value;
        }""")
SUBTRACT = Template("""\
        if (below != end) {
            int32_t less[8] = {0, 0, 0, 0, 0, 0, 0, 0};
            nadoo_add_listed_$bits(group, below, end, less, $turns);
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
        places = {"place": self.place, "bits": self.bits, "turns": self.turns}
        return BODY.substitute(
            places,
            rows=self.rows,
            features=self.features,
            outputs=self.outputs,
            groups=self.groups,
            given=self.given,
            word=WORDS[self.bits],
            less=plus(-self.zero_point),
            ends=END.substitute(features=self.features) if self.negative else "",
            declared=BELOW if self.negative else "",
            negative=NEGATIVE.substitute(places) if self.negative else "",
            subtract=SUBTRACT.substitute(places) if self.negative else "",
            sum=self.sum_text(),
            result=self.result,
        )

    @property
    def place(self) -> int:
        """How far an input's weights lie from those before them, in an entry of the list."""
        return self.bits << 16

    def sum_text(self) -> str:
        """The accumulator from the levels' sums: weights are offset + step × level."""
        parts = ["sums[k]" if self.step == 1 else f"{self.step} * sums[k]"]
        if self.offset:
            parts.append(f"({self.offset}) * total")
        return " + ".join([*parts, *(["starts[o]"] if self.starts else [])])


def plus(number: int) -> str:
    """The end of a sum, nothing where nothing is added."""
    return f" {'-' if number < 0 else '+'} {abs(number)}" if number else ""


def helper_text(bits: int) -> str:
    """The function that all layers of so many bits share."""
    wide = bits == FOUR_BITS
    return ADD.substitute(
        bits=bits,
        word=WORDS[bits],
        mask="0x000F000F" if wide else "0x00030003",
        source="word" if wide else "both",
        spread="" if wide else "            const uint32_t both = word | word << 8;\n",
        shift1=bits,
        shift2=2 * bits,
        shift3=3 * bits,
    )
