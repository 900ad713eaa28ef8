#include "ec_kernel.h"

#include "ec.h"
#include "ec_kernel_arm.h"
#include "ec_kernel_x86.h"
#include "ec_math.h"

static uint32_t pair(const int16_t *a, const int16_t *b)
{
    return (uint32_t)(a[0] * b[0]) + (uint32_t)(a[1] * b[1]);
}

void ec_shift(int16_t *out, const int16_t *in, const int16_t *offset, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        out[i] = saturate(in[i] - offset[i]);
}

static survey_t survey_block(const int16_t *rin, const int16_t *line, const int16_t *error)
{
    survey_t made = {0, 0, 0, 0};

    for (int i = 0; i < BLOCK; i++) {
        int32_t sin = line[i] * line[i] >> 4;

        made.sin += sin;
        made.earned += sin + (sin >> 2);
        made.left += (error[i] * error[i] + 15) >> 4;
        made.peak |= magnitude(rin[i]) | magnitude(line[i]);
    }
    return made;
}

void ec_survey(const int16_t *rin, const int16_t *line, const int16_t *error, int32_t n, survey_t *blocks)
{
    for (int32_t i = 0; i < n; i += BLOCK)
        *blocks++ = survey_block(rin + i, line + i, error + i);
}

int32_t ec_energy(const int16_t *v, int bias)
{
    uint32_t sum = 0;

    for (int i = 0; i < PERIOD; i += 2) {
        int16_t sizes[2] = {saturate(magnitude(v[i]) + bias), saturate(magnitude(v[i + 1]) + bias)};

        sum += pair(sizes, sizes) >> ENERGY_SHIFT;
    }
    return (int32_t)sum;
}

#ifdef __ARM_ARCH_6M__
#include "ec_loops_armv6m.h"
#else

static void filter_block(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y)
{
    uint32_t sum[BLOCK] = {4096, 4096, 4096, 4096};

    for (int32_t j = 0; j < taps; j++)
        for (int i = 0; i < BLOCK; i++)
            sum[i] += (uint32_t)(h[j] * x[j + i]);
    for (int i = 0; i < BLOCK; i++)
        y[i] = (int32_t)sum[i] >> 13;
}

static void adapt(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    uint32_t sum[BLOCK] = {4096, 4096, 4096, 4096};

    for (int32_t j = 0; j < taps / 2; j++, v += 2) {
        uint32_t even = (uint32_t)h.even[j] + pair(gain, v) + pair(gain + 2, v + 2);
        uint32_t odd = (uint32_t)h.odd[j] + pair(gain, v + 1) + pair(gain + 2, v + 3);
        int16_t top[2] = {(int16_t)(even >> 16), (int16_t)(odd >> 16)};

        h.even[j] = (int32_t)even;
        h.odd[j] = (int32_t)odd;
        for (int i = 0; i < BLOCK; i++)
            sum[i] += pair(top, v + BLOCK + i);
    }
    for (int i = 0; i < BLOCK; i++)
        y[i] = (int32_t)sum[i] >> 13;
}

#endif

void ec_filter(ec_filter_block_t *block, const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line,
               int32_t n, int16_t *echo, int16_t *error)
{
    for (int32_t i = 0; i < n; i += BLOCK) {
        int32_t y[BLOCK];

        block(h, x + i, taps, y);
        for (int k = 0; k < BLOCK; k++) {
            echo[i + k] = saturate(y[k]);
            error[i + k] = saturate(line[i + k] - y[k]);
        }
    }
}

static void filter(const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line, int32_t n,
                   int16_t *echo, int16_t *error)
{
    ec_filter(filter_block, h, x, taps, line, n, echo, error);
}

static int16_t blended(int32_t *h, int32_t other, int shift)
{
    *h = (int32_t)((uint32_t)*h + (uint32_t)(other >> shift) - (uint32_t)(*h >> shift));
    return (int16_t)(*h >> 16);
}

void ec_blend(planes_t h, planes_t other, int32_t taps, int shift, int16_t *top)
{
    for (int32_t j = 0; j < taps / 2; j++) {
        top[2 * j] = blended(h.even + j, other.even[j], shift);
        top[2 * j + 1] = blended(h.odd + j, other.odd[j], shift);
    }
}

static void whiten(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    int32_t half = 1 << (shift - 1);

    for (int32_t i = 0; i < n; i++) {
        const int16_t *x = in + i;
        int32_t sum = a[0] * x[0] + a[1] * x[-1] + a[2] * x[-2] + a[3] * x[-3] + a[4] * x[-4] + a[5] * x[-5];

        out[i] = saturate((sum + half) >> shift);
    }
}

static int32_t block_energy(const int16_t *v)
{
    return (int32_t)((pair(v, v) >> ENERGY_SHIFT) + (pair(v + 2, v + 2) >> ENERGY_SHIFT));
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
    for (int d = 0; d < BLOCK; d++) {
        lag[d] = 0;
        for (int32_t i = 0; i < n; i += 2)
            lag[d] += (int32_t)pair(v + i, v + i - d) >> shift;
    }
}

static void move_lags(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    int32_t enter[BLOCK], leave[BLOCK];

    lags(v, BLOCK, shift, enter);
    lags(v - n, BLOCK, shift, leave);
    for (int d = 0; d < BLOCK; d++)
        lag[d] += enter[d] - leave[d];
}

static void correlate(const int16_t *x, int shift, int32_t r[ORDER + 1])
{
    int32_t half = shift > 0 ? 1 << (shift - 1) : 0;

    for (int k = 0; k <= ORDER; k++) {
        r[k] = 0;
        for (int i = 0; i < PERIOD; i += 2) {
            int32_t sum = (int32_t)pair(x + i, x + i - k) + half;

            r[k] += shift > 0 ? sum >> shift : (int32_t)((uint32_t)sum << -shift);
        }
    }
}

static const ec_kernel_t scalar = {
    ec_shift, ec_survey, ec_energy, filter, adapt, ec_blend, whiten, whiten_block, lags, move_lags, correlate,
};

#ifdef FEMTO_EC_X86

const ec_kernel_t *const ec_kernels[] = {0, &scalar, &ec_kernel_sse2, &ec_kernel_avx2, &scalar};

int ec_kernel_runs(int kernel)
{
    return kernel == EC_SCALAR || (kernel == EC_SSE2 && __builtin_cpu_supports("sse2")) ||
           (kernel == EC_AVX2 && __builtin_cpu_supports("avx2"));
}

#elif defined(FEMTO_EC_DSP)

const ec_kernel_t *const ec_kernels[] = {0, &scalar, &scalar, &scalar, &ec_kernel_dsp};

int ec_kernel_runs(int kernel)
{
    return kernel == EC_SCALAR || kernel == EC_DSP;
}

#else

const ec_kernel_t *const ec_kernels[] = {0, &scalar, &scalar, &scalar, &scalar};

int ec_kernel_runs(int kernel)
{
    return kernel == EC_SCALAR;
}

#endif
