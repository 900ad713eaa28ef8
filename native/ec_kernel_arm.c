/* Cortex-M with the DSP extension: SMLAD adds the products of the halves of two registers to a third.
 *
 * Samples are loaded as pairs from even places. A pair at an odd place is made of the two that it straddles, each half
 * where it is: `crossed`. SMLADX multiplies crosswise and so takes it in the right order.
 */
#include "ec_kernel_arm.h"

#ifdef FEMTO_EC_DSP

#include <arm_acle.h>
#include <string.h>

static inline int16x2_t load(const int16_t *p)
{
    int16x2_t pair;

    memcpy(&pair, p, sizeof pair);      /* one LDR, wherever p points */
    return pair;
}

static inline void store(int16_t *p, int16x2_t pair)
{
    memcpy(p, &pair, sizeof pair);
}

/* Bottom half of `next`, top half of `pair`. There is no intrinsic for PKHBT, and GCC 12 does not find it. */
static inline int16x2_t crossed(int16x2_t pair, int16x2_t next)
{
    int16x2_t both;

    __asm__("pkhbt %0, %1, %2" : "=r"(both) : "r"(next), "r"(pair));
    return both;
}

/* The two low halves. */
static inline int16x2_t packed(int32_t bottom, int32_t top)
{
    int16x2_t both;

    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(bottom), "r"(top));
    return both;
}

/* The two high halves. */
static inline int16x2_t tops(int32_t bottom, int32_t top)
{
    int16x2_t both;

    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(both) : "r"(top), "r"(bottom));
    return both;
}

static inline void put(int32_t *y, int32_t y0, int32_t y1, int32_t y2, int32_t y3)
{
    y[0] = y0 >> 13;
    y[1] = y1 >> 13;
    y[2] = y2 >> 13;
    y[3] = y3 >> 13;
}

static void filter_block(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y)
{
    int32_t y0 = 4096, y1 = y0, y2 = y0, y3 = y0;
    int16x2_t a1 = load(x + 1), c0 = crossed(load(x - 1), a1);  /* (x1, x2), (x1, x0) */
    const int16_t *end = h + taps;

    for (; h < end; h += 4, x += 4) {
        int16x2_t h01 = load(h), h23 = load(h + 2), a3 = load(x + 3), a5 = load(x + 5);
        int16x2_t c2 = crossed(a1, a3), c4 = crossed(a3, a5);

        y0 = __smladx(h23, c2, __smladx(h01, c0, y0));
        y1 = __smlad(h23, a3, __smlad(h01, a1, y1));
        y2 = __smladx(h23, c4, __smladx(h01, c2, y2));
        y3 = __smlad(h23, a5, __smlad(h01, a3, y3));
        a1 = a5;
        c0 = c4;
    }
    put(y, y0, y1, y2, y3);
}

static void filter(const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line, int32_t n,
                   int16_t *echo, int16_t *error)
{
    ec_filter(filter_block, h, x, taps, line, n, echo, error);
}

static void adapt(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    int32_t y0 = 4096, y1 = y0, y2 = y0, y3 = y0;
    int16x2_t g01 = load(gain), g23 = load(gain + 2);
    int16x2_t a1 = load(v + 1), a3 = load(v + 3), a5 = load(v + 5);
    int16x2_t c0 = crossed(load(v - 1), a1), c2 = crossed(a1, a3), c4 = crossed(a3, a5);
    const int32_t *end = h.even + taps / 2;

    for (; h.even < end; h.even++, h.odd++, v += 2) {
        int32_t even = __smladx(g23, c2, __smladx(g01, c0, *h.even));
        int32_t odd = __smlad(g23, a3, __smlad(g01, a1, *h.odd));
        int16x2_t top = tops(even, odd), a7 = load(v + 7), c6 = crossed(a5, a7);

        *h.even = even;
        *h.odd = odd;
        y0 = __smladx(top, c4, y0);
        y1 = __smlad(top, a5, y1);
        y2 = __smladx(top, c6, y2);
        y3 = __smlad(top, a7, y3);
        a1 = a3, a3 = a5, a5 = a7;
        c0 = c2, c2 = c4, c4 = c6;
    }
    put(y, y0, y1, y2, y3);
}

/* To -32767..32767. */
static inline int16x2_t saturated(int32_t bottom, int32_t top)
{
    int16x2_t one = 0x00010001;

    return __sadd16(__qsub16(packed(__ssat(bottom, 16), __ssat(top, 16)), one), one);
}

static inline void whiten_some(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    int16x2_t a01 = load(a), a23 = load(a + 2), a45 = load(a + 4);
    int16x2_t b4 = load(in - 4), b2 = load(in - 2), c4 = crossed(load(in - 6), b4), c2 = crossed(b4, b2);
    int32_t half = 1 << (shift - 1);

    for (int32_t i = 0; i < n; i += 2) {
        int16x2_t b0 = load(in + i), c0 = crossed(b2, b0);
        int32_t even = __smlad(a45, c4, __smlad(a23, c2, __smlad(a01, c0, half)));
        int32_t odd = __smladx(a45, b4, __smladx(a23, b2, __smladx(a01, b0, half)));

        store(out + i, saturated(even >> shift, odd >> shift));
        b4 = b2, b2 = b0;
        c4 = c2, c2 = c0;
    }
}

static void whiten(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    whiten_some(out, in, n, a, shift);
}

static int32_t block_energy(const int16_t *v)
{
    int16x2_t low = load(v), high = load(v + 2);

    return (int32_t)(((uint32_t)__smuad(low, low) >> ENERGY_SHIFT) + ((uint32_t)__smuad(high, high) >> ENERGY_SHIFT));
}

static void whiten_block(int16_t *rin, const int16_t *const in[3], const int16_t *a, int shift, white_t *white)
{
    int16_t error[BLOCK];

    whiten(rin, in[0], BLOCK, a, shift);
    whiten(white->line, in[1], BLOCK, a, shift);
    whiten(error, in[2], BLOCK, a, shift);
    white->line_energy = block_energy(white->line);
    white->error_energy = block_energy(error);
}

static void lags(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    int32_t r0 = 0, r1 = 0, r2 = 0, r3 = 0;
    int16x2_t b2 = load(v - 2), c2 = crossed(load(v - 4), b2);

    for (int32_t i = 0; i < n; i += 2) {
        int16x2_t b0 = load(v + i), c0 = crossed(b2, b0);

        r0 += __smuad(b0, b0) >> shift;
        r1 += __smuadx(b0, c0) >> shift;
        r2 += __smuad(b0, b2) >> shift;
        r3 += __smuadx(b0, c2) >> shift;
        b2 = b0;
        c2 = c0;
    }
    lag[0] = r0;
    lag[1] = r1;
    lag[2] = r2;
    lag[3] = r3;
}

static void move_lags(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    int32_t enter[BLOCK], leave[BLOCK];

    lags(v, BLOCK, shift, enter);
    lags(v - n, BLOCK, shift, leave);
    for (int d = 0; d < BLOCK; d++)
        lag[d] += enter[d] - leave[d];
}

/* r[k] and r[k + 1] for an even k. */
static void correlate_two(const int16_t *x, int k, int shift, int32_t *r)
{
    int down = shift > 0 ? shift : 0, up = shift > 0 ? 0 : -shift;
    int32_t half = shift > 0 ? 1 << (shift - 1) : 0, even = 0, odd = 0;
    int16x2_t before = load(x - k - 2);

    for (int i = 0; i < PERIOD; i += 2) {
        int16x2_t b = load(x + i), past = load(x + i - k), c = crossed(before, past);

        even += __smlad(b, past, half) >> down << up;
        odd += __smladx(b, c, half) >> down << up;
        before = past;
    }
    r[0] = even;
    r[1] = odd;
}

static void correlate(const int16_t *x, int shift, int32_t r[ORDER + 1])
{
    for (int k = 0; k <= ORDER; k += 2)
        correlate_two(x, k, shift, r + k);
}

const ec_kernel_t ec_kernel_dsp = {
    ec_shift, ec_survey, ec_energy, filter, adapt, ec_blend, whiten, whiten_block, lags, move_lags, correlate,
};

#endif
