/* SSE2 and AVX2: both planes of the background, and its samples, meet in pmaddwd, which adds the products of pairs. */
#include "ec_kernel_x86.h"

#ifdef FEMTO_EC_X86

#include <immintrin.h>
#include <string.h>

#define SSE2 __attribute__((target("sse2")))
#define AVX2 __attribute__((target("avx2")))

static inline SSE2 __m128i load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static inline SSE2 __m128i load4(const int16_t *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

static inline SSE2 __m128i twice(const int16_t *p)
{
    int32_t both;

    memcpy(&both, p, sizeof both);
    return _mm_set1_epi32(both);
}

/* The four sums of the lanes of a, b, c, d. */
static inline SSE2 __m128i sums(__m128i a, __m128i b, __m128i c, __m128i d)
{
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));

    return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

/* [a0 + a1, a2 + a3, b0 + b1, b2 + b3] */
static inline SSE2 __m128i neighbours(__m128i a, __m128i b)
{
    __m128 x = _mm_castsi128_ps(a), y = _mm_castsi128_ps(b);

    return _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(x, y, _MM_SHUFFLE(2, 0, 2, 0))),
                         _mm_castps_si128(_mm_shuffle_ps(x, y, _MM_SHUFFLE(3, 1, 3, 1))));
}

static inline SSE2 void store_outputs(int32_t *y, __m128i sum)
{
    _mm_storeu_si128((__m128i *)y, _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(4096)), 13));
}

static SSE2 void filter_sse2(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y)
{
    __m128i y0 = _mm_setzero_si128(), y1 = y0, y2 = y0, y3 = y0;

    for (int32_t j = 0; j < taps; j += 8) {
        __m128i c = load(h + j);

        y0 = _mm_add_epi32(y0, _mm_madd_epi16(c, load(x + j)));
        y1 = _mm_add_epi32(y1, _mm_madd_epi16(c, load(x + j + 1)));
        y2 = _mm_add_epi32(y2, _mm_madd_epi16(c, load(x + j + 2)));
        y3 = _mm_add_epi32(y3, _mm_madd_epi16(c, load(x + j + 3)));
    }
    store_outputs(y, sums(y0, y1, y2, y3));
}

static inline SSE2 __m128i updated_sse2(int32_t *plane, const int16_t *v, __m128i g01, __m128i g23)
{
    __m128i change = _mm_add_epi32(_mm_madd_epi16(g01, load(v)), _mm_madd_epi16(g23, load(v + 2)));
    __m128i h = _mm_add_epi32(_mm_loadu_si128((__m128i *)plane), change);

    _mm_storeu_si128((__m128i *)plane, h);
    return h;
}

static SSE2 void adapt_sse2(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    __m128i y0 = _mm_setzero_si128(), y1 = y0, y2 = y0, y3 = y0;
    __m128i g01 = twice(gain), g23 = twice(gain + 2), high = _mm_set1_epi32((int)0xffff0000);

    for (int32_t j = 0; j < taps / 2; j += 4, v += 8) {
        __m128i even = updated_sse2(h.even + j, v, g01, g23), odd = updated_sse2(h.odd + j, v + 1, g01, g23);
        __m128i top = _mm_or_si128(_mm_srli_epi32(even, 16), _mm_and_si128(odd, high));

        y0 = _mm_add_epi32(y0, _mm_madd_epi16(top, load(v + 4)));
        y1 = _mm_add_epi32(y1, _mm_madd_epi16(top, load(v + 5)));
        y2 = _mm_add_epi32(y2, _mm_madd_epi16(top, load(v + 6)));
        y3 = _mm_add_epi32(y3, _mm_madd_epi16(top, load(v + 7)));
    }
    store_outputs(y, sums(y0, y1, y2, y3));
}

/* Pairs of the whitening filter, in the order of memory: (a1, a0), (a3, a2), (a5, a4). */
typedef struct {
    __m128i a10, a32, a54, half, shift;
} whitening_t;

static inline SSE2 __m128i swapped(const int16_t *a)
{
    return _mm_set1_epi32((int)((uint32_t)(uint16_t)a[0] << 16 | (uint16_t)a[1]));
}

static inline SSE2 whitening_t whitening(const int16_t *a, int shift)
{
    whitening_t w = {swapped(a), swapped(a + 2), swapped(a + 4), _mm_set1_epi32(1 << (shift - 1)),
                     _mm_cvtsi32_si128(shift)};

    return w;
}

static inline SSE2 __m128i shifted(__m128i sum, const whitening_t *w)
{
    return _mm_sra_epi32(_mm_add_epi32(sum, w->half), w->shift);
}

/* Outputs at the places of x that start a pair: 0, 2, 4, 6 after the place of `x`. */
static inline SSE2 __m128i every_second(const int16_t *x, const whitening_t *w)
{
    __m128i sum = _mm_add_epi32(_mm_madd_epi16(w->a10, load(x - 1)), _mm_madd_epi16(w->a32, load(x - 3)));

    return shifted(_mm_add_epi32(sum, _mm_madd_epi16(w->a54, load(x - 5))), w);
}

static SSE2 void whiten_sse2(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    whitening_t w = whitening(a, shift);
    __m128i least = _mm_set1_epi16(-32767);

    for (int32_t i = 0; i < n; i += 8) {
        __m128i packed = _mm_packs_epi32(every_second(in + i, &w), every_second(in + i + 1, &w));

        packed = _mm_unpacklo_epi16(packed, _mm_unpackhi_epi64(packed, packed));
        _mm_storeu_si128((__m128i *)(out + i), _mm_max_epi16(packed, least));
    }
}

static inline SSE2 __m128i interleaved(const int16_t *x)
{
    return _mm_unpacklo_epi16(load4(x), load4(x + 1));
}

static inline SSE2 __m128i four(const int16_t *x, const whitening_t *w)
{
    __m128i sum = _mm_add_epi32(_mm_madd_epi16(w->a10, interleaved(x - 1)), _mm_madd_epi16(w->a32, interleaved(x - 3)));

    return shifted(_mm_add_epi32(sum, _mm_madd_epi16(w->a54, interleaved(x - 5))), w);
}

static SSE2 void whiten_block_sse2(int16_t *rin, const int16_t *const in[3], const int16_t *a, int shift,
                                   white_t *white)
{
    whitening_t w = whitening(a, shift);
    __m128i least = _mm_set1_epi16(-32767), zero = _mm_setzero_si128();
    __m128i far = _mm_max_epi16(_mm_packs_epi32(four(in[0], &w), zero), least);
    __m128i near = _mm_max_epi16(_mm_packs_epi32(four(in[1], &w), four(in[2], &w)), least);
    __m128i energy = neighbours(_mm_srli_epi32(_mm_madd_epi16(near, near), ENERGY_SHIFT), zero);

    _mm_storel_epi64((__m128i *)rin, far);
    _mm_storel_epi64((__m128i *)white->line, near);
    white->line_energy = _mm_cvtsi128_si32(energy);
    white->error_energy = _mm_cvtsi128_si32(_mm_srli_si128(energy, 4));
}

static SSE2 void lags_sse2(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    __m128i r0 = _mm_setzero_si128(), r1 = r0, r2 = r0, r3 = r0, s = _mm_cvtsi32_si128(shift);

    for (int32_t i = 0; i < n; i += 8) {
        __m128i x = load(v + i);

        r0 = _mm_add_epi32(r0, _mm_sra_epi32(_mm_madd_epi16(x, x), s));
        r1 = _mm_add_epi32(r1, _mm_sra_epi32(_mm_madd_epi16(x, load(v + i - 1)), s));
        r2 = _mm_add_epi32(r2, _mm_sra_epi32(_mm_madd_epi16(x, load(v + i - 2)), s));
        r3 = _mm_add_epi32(r3, _mm_sra_epi32(_mm_madd_epi16(x, load(v + i - 3)), s));
    }
    _mm_storeu_si128((__m128i *)lag, sums(r0, r1, r2, r3));
}

static inline SSE2 __m128i block_lags(const int16_t *v, __m128i shift)
{
    __m128i x = _mm_unpacklo_epi64(load4(v), load4(v));
    __m128i low = _mm_madd_epi16(x, _mm_unpacklo_epi64(load4(v), load4(v - 1)));
    __m128i high = _mm_madd_epi16(x, _mm_unpacklo_epi64(load4(v - 2), load4(v - 3)));

    return neighbours(_mm_sra_epi32(low, shift), _mm_sra_epi32(high, shift));
}

static SSE2 void move_lags_sse2(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    __m128i s = _mm_cvtsi32_si128(shift), r = _mm_loadu_si128((__m128i *)lag);

    r = _mm_add_epi32(r, _mm_sub_epi32(block_lags(v, s), block_lags(v - n, s)));
    _mm_storeu_si128((__m128i *)lag, r);
}

static SSE2 void correlate_sse2(const int16_t *x, int shift, int32_t r[ORDER + 1])
{
    __m128i half = _mm_set1_epi32(shift > 0 ? 1 << (shift - 1) : 0);
    __m128i down = _mm_cvtsi32_si128(shift > 0 ? shift : 0), up = _mm_cvtsi32_si128(shift > 0 ? 0 : -shift);
    __m128i sum[8];

    for (int k = 0; k < 8; k++) {
        sum[k] = _mm_setzero_si128();
        for (int i = 0; k <= ORDER && i < PERIOD; i += 8) {
            __m128i products = _mm_add_epi32(_mm_madd_epi16(load(x + i), load(x + i - k)), half);

            sum[k] = _mm_add_epi32(sum[k], _mm_sll_epi32(_mm_sra_epi32(products, down), up));
        }
    }
    _mm_storeu_si128((__m128i *)r, sums(sum[0], sum[1], sum[2], sum[3]));
    _mm_storel_epi64((__m128i *)(r + 4), sums(sum[4], sum[5], sum[6], sum[7]));
}

const ec_kernel_t ec_kernel_sse2 = {
    filter_sse2, adapt_sse2, whiten_sse2, whiten_block_sse2, lags_sse2, move_lags_sse2, correlate_sse2,
};

static inline AVX2 __m256i wide(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline AVX2 __m128i folded(__m256i v)
{
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static inline AVX2 __m128i wide_sums(__m256i a, __m256i b, __m256i c, __m256i d)
{
    return folded(_mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d)));
}

static AVX2 void filter_avx2(const int16_t *h, const int16_t *x, int32_t taps, int32_t *y)
{
    __m256i y0 = _mm256_setzero_si256(), y1 = y0, y2 = y0, y3 = y0;

    for (int32_t j = 0; j < taps; j += 16) {
        __m256i c = wide(h + j);

        y0 = _mm256_add_epi32(y0, _mm256_madd_epi16(c, wide(x + j)));
        y1 = _mm256_add_epi32(y1, _mm256_madd_epi16(c, wide(x + j + 1)));
        y2 = _mm256_add_epi32(y2, _mm256_madd_epi16(c, wide(x + j + 2)));
        y3 = _mm256_add_epi32(y3, _mm256_madd_epi16(c, wide(x + j + 3)));
    }
    store_outputs(y, wide_sums(y0, y1, y2, y3));
}

static inline AVX2 __m256i updated_avx2(int32_t *plane, const int16_t *v, __m256i g01, __m256i g23)
{
    __m256i change = _mm256_add_epi32(_mm256_madd_epi16(g01, wide(v)), _mm256_madd_epi16(g23, wide(v + 2)));
    __m256i h = _mm256_add_epi32(_mm256_loadu_si256((__m256i *)plane), change);

    _mm256_storeu_si256((__m256i *)plane, h);
    return h;
}

static AVX2 void adapt_avx2(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    __m256i y0 = _mm256_setzero_si256(), y1 = y0, y2 = y0, y3 = y0;
    __m256i g01 = _mm256_broadcastd_epi32(twice(gain)), g23 = _mm256_broadcastd_epi32(twice(gain + 2));

    for (int32_t j = 0; j < taps / 2; j += 8, v += 16) {
        __m256i even = updated_avx2(h.even + j, v, g01, g23), odd = updated_avx2(h.odd + j, v + 1, g01, g23);
        __m256i top = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);

        y0 = _mm256_add_epi32(y0, _mm256_madd_epi16(top, wide(v + 4)));
        y1 = _mm256_add_epi32(y1, _mm256_madd_epi16(top, wide(v + 5)));
        y2 = _mm256_add_epi32(y2, _mm256_madd_epi16(top, wide(v + 6)));
        y3 = _mm256_add_epi32(y3, _mm256_madd_epi16(top, wide(v + 7)));
    }
    store_outputs(y, wide_sums(y0, y1, y2, y3));
}

static inline AVX2 __m256i wide_every_second(const int16_t *x, const whitening_t *w)
{
    __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(_mm256_broadcastd_epi32(w->a10), wide(x - 1)),
                                   _mm256_madd_epi16(_mm256_broadcastd_epi32(w->a32), wide(x - 3)));

    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_broadcastd_epi32(w->a54), wide(x - 5)));
    return _mm256_sra_epi32(_mm256_add_epi32(sum, _mm256_broadcastd_epi32(w->half)), w->shift);
}

static AVX2 void whiten_avx2(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    whitening_t w = whitening(a, shift);
    __m256i least = _mm256_set1_epi16(-32767);

    for (int32_t i = 0; i < n; i += 16) {
        __m256i packed = _mm256_packs_epi32(wide_every_second(in + i, &w), wide_every_second(in + i + 1, &w));

        packed = _mm256_unpacklo_epi16(packed, _mm256_unpackhi_epi64(packed, packed));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_max_epi16(packed, least));
    }
}

static AVX2 void lags_avx2(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    __m256i r0 = _mm256_setzero_si256(), r1 = r0, r2 = r0, r3 = r0;
    __m128i s = _mm_cvtsi32_si128(shift);

    for (int32_t i = 0; i < n; i += 16) {
        __m256i x = wide(v + i);

        r0 = _mm256_add_epi32(r0, _mm256_sra_epi32(_mm256_madd_epi16(x, x), s));
        r1 = _mm256_add_epi32(r1, _mm256_sra_epi32(_mm256_madd_epi16(x, wide(v + i - 1)), s));
        r2 = _mm256_add_epi32(r2, _mm256_sra_epi32(_mm256_madd_epi16(x, wide(v + i - 2)), s));
        r3 = _mm256_add_epi32(r3, _mm256_sra_epi32(_mm256_madd_epi16(x, wide(v + i - 3)), s));
    }
    _mm_storeu_si128((__m128i *)lag, wide_sums(r0, r1, r2, r3));
}

const ec_kernel_t ec_kernel_avx2 = {
    filter_avx2, adapt_avx2, whiten_avx2, whiten_block_sse2, lags_avx2, move_lags_sse2, correlate_sse2,
};

#endif
