/* The arithmetic of GSM 06.10 clause 5.1: 16-bit words, fractions of 32768, that saturate. */
#ifndef FEMTO_GSM_FR_MATH_H
#define FEMTO_GSM_FR_MATH_H

#include <stdint.h>

static inline int16_t saturate(int32_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static inline int16_t add(int32_t a, int32_t b)
{
    return saturate(a + b);
}

static inline int16_t sub(int32_t a, int32_t b)
{
    return saturate(a - b);
}

/* The product of two fractions, rounded down: -1 times -1 is nearly 1. */
static inline int16_t mult(int16_t a, int16_t b)
{
    return saturate(a * b >> 15);
}

/* ... and rounded to the nearest. */
static inline int16_t mult_r(int16_t a, int16_t b)
{
    return saturate((a * b + 16384) >> 15);
}

static inline int16_t magnitude(int16_t v)
{
    return saturate(v < 0 ? -v : v);
}

/* Left shifts that bring 0 < v to 2^30 or more. */
static inline int norm(int32_t v)
{
    int shifts = 0;

    for (; v < 1 << 30; v *= 2)
        shifts++;
    return shifts;
}

/* The top 16 bits of v << shifts. */
static inline int16_t top(int32_t v, int shifts)
{
    return (int16_t)(v * (1 << shifts) >> 16);
}

/* a / b as a fraction, 0 <= a <= b; 0 / 0 is 0. */
static inline int16_t quotient(int16_t a, int16_t b)
{
    if (a == 0)
        return 0;
    return (int16_t)(a == b ? 32767 : ((uint32_t)a << 15) / (uint32_t)b);
}

#endif
