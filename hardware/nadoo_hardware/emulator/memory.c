/* What a compiler may call by itself, for compilers that are not linked with a C library. */

#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns") /* or each of these loops becomes a call of itself */
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    unsigned char *written = to;
    const unsigned char *given = from;
    for (; count; count--) *written++ = *given++;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    unsigned char *written = to;
    const unsigned char *given = from;
    if (written <= given || written >= given + count) return memcpy(to, from, count);
    while (count--) written[count] = given[count];
    return to;
}

void *memset(void *to, int value, size_t count) {
    unsigned char *written = to;
    for (; count; count--) *written++ = (unsigned char)value;
    return to;
}

int memcmp(const void *one, const void *other, size_t count) {
    const unsigned char *left = one, *right = other;
    for (; count; count--, left++, right++) {
        if (*left != *right) return *left - *right;
    }
    return 0;
}
