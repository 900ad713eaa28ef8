/* The long loops of the echo canceller, once for each instruction set. Private.
 *
 * All give the same bits: products are 16 x 16 bits into 32, sums are taken modulo 2^32, and where a sum is shifted
 * first, it is the sum of two products whose first factor stands at an even place.
 */
#ifndef FEMTO_EC_KERNEL_H
#define FEMTO_EC_KERNEL_H

#include <stdint.h>

enum {
    BLOCK = 4,                  /* samples of one pass of the adaptation */
    PERIOD = 32,                /* samples of one pass of the control, 4 ms */
    ORDER = 5,                  /* of the whitening filter */
    ENERGY_SHIFT = 6            /* energies are sums of squares of a period / 64: half the mean square */
};

/* Coefficients of the background filter in Q29, two planes: places 0, 2, 4 ... and 1, 3, 5 ... of the reversed impulse
 * response. The top half of each, Q13, filters. */
typedef struct {
    int32_t *even, *odd;
} planes_t;

/* One block as the guard sees it: energies are sums of squares / 16. */
typedef struct {
    int32_t sin, earned, left;  /* of Sin; 1.25 times as much; of the error, rounded up, sample by sample */
    int32_t peak;               /* bits of |Rin| and |Sin|, all together */
} survey_t;

enum { SURVEYED = 8 };          /* samples that are surveyed at once */

/* What whitening made of one block. */
typedef struct {
    int16_t line[BLOCK];        /* Sin */
    int32_t line_energy, error_energy;
} white_t;

typedef struct {
    /* out[i] = in[i] - offset[i], saturated. */
    void (*shift)(int16_t *out, const int16_t *in, const int16_t *offset, int32_t n);

    /* The blocks that n samples, 1..PERIOD, complete or begin. It may read and write all up to the next multiple of
     * SURVEYED. */
    void (*survey)(const int16_t *rin, const int16_t *line, const int16_t *error, int32_t n, survey_t *blocks);

    /* Sum of the squares of |v[i]| + bias, at most 32767, over one period; pairs shifted down by ENERGY_SHIFT. */
    int32_t (*energy)(const int16_t *v, int bias);

    /* The foreground filter: echo[i] = sum of h[j] * x[j + i], in units of x, error[i] = line[i] - that; n outputs,
     * 1..PERIOD. It may read and write all up to the next multiple of BLOCK. */
    void (*filter)(const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line, int32_t n,
                   int16_t *echo, int16_t *error);

    /* Apply the gains of the block before to the background filter, then filter four new samples:
     * h[j] += sum of gain[i] * v[j + i]; y[i] = sum of h[j] * v[j + 4 + i]. */
    void (*adapt)(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y);

    /* h += (other - h) / 2^shift, for both planes; top: their top halves, in the order of the foreground filter. */
    void (*blend)(planes_t h, planes_t other, int32_t taps, int shift, int16_t *top);

    /* out[i] = sum of a[k] * in[i - k], shifted down by `shift` with rounding, saturated; n is a multiple of 16. */
    void (*whiten)(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift);

    /* The same for one block of Rin, of Sin and of the foreground's error at once. */
    void (*whiten_block)(int16_t *rin, const int16_t *const in[3], const int16_t *a, int shift, white_t *white);

    /* lag[d] = sum over n samples of v[i] * v[i - d], pairs shifted down by `shift`; n is a multiple of 16. */
    void (*lags)(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK]);

    /* The window moves by one block: v is its new end, v - n what leaves it. */
    void (*move_lags)(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK]);

    /* r[k] = sum over one period of x[i] * x[i - k], pairs shifted down by `shift` (up if negative) with rounding. */
    void (*correlate)(const int16_t *x, int shift, int32_t r[ORDER + 1]);
} ec_kernel_t;

/* For kernels with no better way: the foreground filter by a loop that makes four outputs, and the rest as it is. */
typedef void ec_filter_block_t(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y);

void ec_filter(ec_filter_block_t *block, const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line,
               int32_t n, int16_t *echo, int16_t *error);
void ec_blend(planes_t h, planes_t other, int32_t taps, int shift, int16_t *top);
void ec_shift(int16_t *out, const int16_t *in, const int16_t *offset, int32_t n);
void ec_survey(const int16_t *rin, const int16_t *line, const int16_t *error, int32_t n, survey_t *blocks);
int32_t ec_energy(const int16_t *v, int bias);

/* By number, EC_SCALAR .. EC_DSP; a build without a kernel has the plain one in its place. */
extern const ec_kernel_t *const ec_kernels[];

/* 1 if this build has the kernel and this machine can run it. */
int ec_kernel_runs(int kernel);

#endif
