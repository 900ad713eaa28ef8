/* The inner loops of the scalar kernel for ARMv6-M (Cortex-M0, M0+): 17 and 19 instructions a tap. Private.
 *
 * Only r0..r7 can be multiplied, and a product overwrites one of its factors; GCC spills here, and takes twice as long.
 * The sums, or the gains, stay in r8..r11, which can be added and copied. (Divided syntax: `mul`, `add` and `mov` of low
 * registers set the flags.)
 */
#ifndef FEMTO_EC_LOOPS_ARMV6M_H
#define FEMTO_EC_LOOPS_ARMV6M_H

#include "ec_kernel.h"

#define LOAD(to, from, place) "mov r7, #" place "\n\tldrsh " to ", [" from ", r7]\n\t"
#define OUT_OF(a, b, c, d) "mov " a ", r8\n\tmov " b ", r9\n\tmov " c ", r10\n\tmov " d ", r11\n\t"
#define INTO(a, b, c, d) "mov r8, " a "\n\tmov r9, " b "\n\tmov r10, " c "\n\tmov r11, " d "\n\t"

/* sum += r6 * x; x is spoilt in the second. */
#define MAC(sum, x) "mov r7, " x "\n\tmul r7, r6\n\tadd " sum ", r7\n\t"
#define LAST_MAC(sum, x) "mul " x ", r6\n\tadd " sum ", " x "\n\t"

#define FILTER_TAP(a, b, c, d, h_place, c_place, d_place) \
    LOAD("r6", "r0", h_place) LOAD(c, "r1", c_place) LOAD(d, "r1", d_place) \
    MAC("r10", c) MAC("r11", d) LAST_MAC("r8", a) LAST_MAC("r9", b)

/* y[i] += sum of h[2 j] * x[2 j + i], taps / 2 coefficients. */
static inline void filter_every_second(const int16_t *h, const int16_t *x, int32_t taps, uint32_t *y)
{
    register const int16_t *r0 __asm__("r0") = h, *r1 __asm__("r1") = x, *end __asm__("ip") = x + taps;
    register uint32_t *sums __asm__("lr") = y;

    __asm__ volatile(
        "mov r7, lr\n\tldmia r7!, {r2, r3, r4, r5}\n\t" INTO("r2", "r3", "r4", "r5")
        LOAD("r2", "r1", "0") LOAD("r3", "r1", "2")
        "1:\n\t"
        FILTER_TAP("r2", "r3", "r4", "r5", "0", "4", "6")
        FILTER_TAP("r4", "r5", "r2", "r3", "4", "8", "10")
        FILTER_TAP("r2", "r3", "r4", "r5", "8", "12", "14")
        FILTER_TAP("r4", "r5", "r2", "r3", "12", "16", "18")
        "add r0, #16\n\tadd r1, #16\n\tcmp r1, ip\n\tbcc 1b\n\t"
        OUT_OF("r2", "r3", "r4", "r5") "mov r7, lr\n\tstmia r7!, {r2, r3, r4, r5}\n\t"
        : "+r"(r0), "+r"(r1) : "r"(end), "r"(sums)
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "cc", "memory");
}

/* r6 += gain * x */
#define GAIN(gain, x) "mov r7, " gain "\n\tmul r7, " x "\n\tadd r6, r7\n\t"

#define UPDATE_TAP(a, b, c, d, h_place, c_place, d_place) \
    LOAD(c, "r1", c_place) LOAD(d, "r1", d_place) "ldr r6, [r0, #" h_place "]\n\t" \
    GAIN("r8", a) GAIN("r9", b) GAIN("r10", c) GAIN("r11", d) "str r6, [r0, #" h_place "]\n\t"

/* h[j] += sum of gain[i] * v[2 j + i], taps / 2 coefficients. */
static inline void update(int32_t *h, const int16_t *v, const int16_t *gain, int32_t taps)
{
    register int32_t *r0 __asm__("r0") = h;
    register const int16_t *r1 __asm__("r1") = v, *gains __asm__("lr") = gain, *end __asm__("ip") = v + taps;

    __asm__ volatile(
        "mov r6, lr\n\t" LOAD("r2", "r6", "0") LOAD("r3", "r6", "2") LOAD("r4", "r6", "4") LOAD("r5", "r6", "6")
        INTO("r2", "r3", "r4", "r5")
        LOAD("r2", "r1", "0") LOAD("r3", "r1", "2")
        "1:\n\t"
        UPDATE_TAP("r2", "r3", "r4", "r5", "0", "4", "6")
        UPDATE_TAP("r4", "r5", "r2", "r3", "4", "8", "10")
        UPDATE_TAP("r2", "r3", "r4", "r5", "8", "12", "14")
        UPDATE_TAP("r4", "r5", "r2", "r3", "12", "16", "18")
        "add r0, #16\n\tadd r1, #16\n\tcmp r1, ip\n\tbcc 1b\n\t"
        : "+r"(r0), "+r"(r1) : "r"(end), "r"(gains)
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "cc", "memory");
}

static void filter_block(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y)
{
    uint32_t sum[BLOCK] = {4096, 4096, 4096, 4096};

    filter_every_second(h, x, taps, sum);
    filter_every_second(h + 1, x + 1, taps, sum);
    for (int i = 0; i < BLOCK; i++)
        y[i] = (int32_t)sum[i] >> 13;
}

/* The top half of a coefficient is the second half in memory. */
static void adapt(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    uint32_t sum[BLOCK] = {4096, 4096, 4096, 4096};

    update(h.even, v, gain, taps);
    update(h.odd, v + 1, gain, taps);
    filter_every_second((const int16_t *)h.even + 1, v + BLOCK, taps, sum);
    filter_every_second((const int16_t *)h.odd + 1, v + BLOCK + 1, taps, sum);
    for (int i = 0; i < BLOCK; i++)
        y[i] = (int32_t)sum[i] >> 13;
}

#undef LOAD
#undef OUT_OF
#undef INTO
#undef MAC
#undef LAST_MAC
#undef FILTER_TAP
#undef GAIN
#undef UPDATE_TAP

#endif
