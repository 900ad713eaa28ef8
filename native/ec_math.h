/* Small integer helpers of the echo canceller. Nothing here needs a 64-bit multiply or divide. */
#ifndef FEMTO_EC_MATH_H
#define FEMTO_EC_MATH_H

#include <stdint.h>

/* Number of bits of v; 0 for 0. */
static inline int bits(uint32_t v)
{
#if defined(__GNUC__)
    return v ? 32 - __builtin_clz(v) : 0;
#else
    int n = 0;

    for (; v; v >>= 1)
        n++;
    return n;
#endif
}

static inline int32_t magnitude(int32_t v)
{
    return v < 0 ? -v : v;
}

static inline uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* To -32767..32767: the products of two pairs of such numbers add up without overflow. */
static inline int16_t saturate(int32_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32767 ? -32767 : v);
}

/* v * 4^power, limited to 2^30. */
static inline int32_t times4(int32_t v, int power)
{
    if (power < 0)
        return v >> (-2 * power);
    if (bits((uint32_t)v) + 2 * power > 30)
        return v ? 0x3fffffff : 0;
    return v * (1 << (2 * power));
}

/* v * fraction, a fraction in Q16 up to 1. */
static inline uint32_t part(uint32_t v, uint32_t fraction)
{
    return (v >> 16) * fraction + ((v & 0xffff) * fraction >> 16);
}

/* v * thousandths / 1024, for 0 <= v and thousandths up to 1024: the constants of the control. */
static inline int32_t per_1024(int32_t v, uint32_t thousandths)
{
    return (int32_t)part((uint32_t)v, thousandths * 64);
}

/* a / b in Q16, at most 1; 0 < b. */
static inline uint32_t ratio(uint32_t a, uint32_t b)
{
    int excess = bits(b) - 15;

    if (excess > 0) {
        a >>= excess;
        b >>= excess;
    }
    return a >= b ? 65536 : (a << 16) / b;
}

static inline uint32_t square_root(uint32_t v)
{
    uint32_t root = 0;

    for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
        uint32_t fits = -(uint32_t)(v >= root + bit);       /* all bits, or none: no branch to predict */

        v -= (root + bit) & fits;
        root = (root >> 1) + (bit & fits);
    }
    return root;
}

/* 100 * 10 log10(v), 0 < v: the integer part of log2, and a straight line between powers of two. */
static inline int32_t centibels(uint32_t v)
{
    int32_t whole = bits(v) - 1;
    uint32_t rest = (whole < 10 ? v << (10 - whole) : v >> (whole - 10)) - 1024;

    return (whole * 1024 + (int32_t)rest) * 301 / 1024;
}

/* One pole: the mean moves by 1 / 2^shift of the difference. */
static inline void smooth(int32_t *mean, int32_t v, int shift)
{
    *mean += (v - *mean) / (1 << shift);
}

#endif
