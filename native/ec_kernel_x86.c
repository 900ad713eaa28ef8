/* SSE2 and AVX2: both planes of the background, and its samples, meet in pmaddwd, which adds the products of pairs. */
#include "ec_kernel_x86.h"

#ifdef FEMTO_EC_X86

#include <immintrin.h>

#define SSE2 __attribute__((target("sse2")))
#define AVX2 __attribute__((target("avx2")))

static inline SSE2 __m128i load4(const int16_t *p)
{
    return _mm_loadl_epi64((const __m128i *)p);
}

/* A pair in all lanes. Read one by one: the processor waits for two small writes that one larger read needs. */
static inline SSE2 __m128i pair(const int16_t *p)
{
    return _mm_set1_epi32((int)((uint32_t)(uint16_t)p[1] << 16 | (uint16_t)p[0]));
}

/* Empty, but what is done to four sums after a loop stays after it: else GCC keeps them in two registers each. */
#define AFTER_LOOP(v) __asm__("" : "+x"(v[0]), "+x"(v[1]), "+x"(v[2]), "+x"(v[3]))

/* The sums of the lanes of each of four. */
static inline SSE2 __m128i sums_sse2(__m128i v[4])
{
    AFTER_LOOP(v);
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(v[0], v[1]), _mm_unpackhi_epi32(v[0], v[1]));
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(v[2], v[3]), _mm_unpackhi_epi32(v[2], v[3]));

    return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

static SSE2 void shift(int16_t *out, const int16_t *in, const int16_t *offset, int32_t n)
{
    int32_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m128i v = _mm_subs_epi16(_mm_loadu_si128((const __m128i *)(in + i)),
                                   _mm_loadu_si128((const __m128i *)(offset + i)));

        _mm_storeu_si128((__m128i *)(out + i), _mm_max_epi16(v, _mm_set1_epi16(-32767)));
    }
    ec_shift(out + i, in + i, offset + i, n - i);
}

static inline SSE2 __m128i magnitudes(const int16_t *x)
{
    __m128i v = _mm_loadu_si128((const __m128i *)x);

    return _mm_max_epi16(v, _mm_sub_epi16(_mm_setzero_si128(), v));
}

/* What one block's squares are to the guard, and its peak in the lowest lane. */
static inline SSE2 __m128i surveyed(__m128i line, __m128i error, __m128i peak)
{
    __m128i sin = _mm_srli_epi32(line, 4);
    __m128i left = _mm_srli_epi32(_mm_add_epi32(error, _mm_set1_epi32(15)), 4);
    __m128i all[4] = {sin, _mm_add_epi32(sin, _mm_srli_epi32(sin, 2)), left, peak};

    return sums_sse2(all);
}

static SSE2 void survey(const int16_t *rin, const int16_t *line, const int16_t *error, int32_t n, survey_t *blocks)
{
    __m128i lowest = _mm_set_epi32(0, 0, 0, 0xffff);

    for (int32_t i = 0; i < n; i += SURVEYED, blocks += 2) {
        __m128i x = _mm_loadu_si128((const __m128i *)(line + i)), e = _mm_loadu_si128((const __m128i *)(error + i));
        __m128i low = _mm_mullo_epi16(x, x), high = _mm_mulhi_epi16(x, x);
        __m128i e_low = _mm_mullo_epi16(e, e), e_high = _mm_mulhi_epi16(e, e);
        __m128i peak = _mm_or_si128(magnitudes(rin + i), magnitudes(line + i));

        peak = _mm_or_si128(peak, _mm_srli_epi64(peak, 32));
        peak = _mm_or_si128(peak, _mm_srli_epi64(peak, 16));
        _mm_storeu_si128((__m128i *)blocks, surveyed(_mm_unpacklo_epi16(low, high), _mm_unpacklo_epi16(e_low, e_high),
                                                     _mm_and_si128(peak, lowest)));
        _mm_storeu_si128((__m128i *)(blocks + 1),
                         surveyed(_mm_unpackhi_epi16(low, high), _mm_unpackhi_epi16(e_low, e_high),
                                  _mm_and_si128(_mm_srli_si128(peak, 8), lowest)));
    }
}

static SSE2 int32_t energy(const int16_t *v, int bias)
{
    __m128i more = _mm_set1_epi16((int16_t)bias), sum = _mm_setzero_si128();

    for (int i = 0; i < PERIOD; i += 8) {
        __m128i size = _mm_adds_epi16(magnitudes(v + i), more);

        sum = _mm_add_epi32(sum, _mm_srli_epi32(_mm_madd_epi16(size, size), ENERGY_SHIFT));
    }
    sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_srli_si128(sum, 4)));
}

/* [a0 + a1, a2 + a3, b0 + b1, b2 + b3] */
static inline SSE2 __m128i neighbours(__m128i a, __m128i b)
{
    __m128 x = _mm_castsi128_ps(a), y = _mm_castsi128_ps(b);

    return _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(x, y, _MM_SHUFFLE(2, 0, 2, 0))),
                         _mm_castps_si128(_mm_shuffle_ps(x, y, _MM_SHUFFLE(3, 1, 3, 1))));
}

static inline SSE2 __m128i outputs(__m128i sum)
{
    return _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(4096)), 13);
}

/* Four sums of the foreground: the echo, and the line without it. */
static inline SSE2 void subtract(__m128i sum, const int16_t *line, int16_t *echo, int16_t *error)
{
    __m128i y = outputs(sum), sin = _mm_srai_epi32(_mm_unpacklo_epi16(load4(line), load4(line)), 16);
    __m128i packed = _mm_max_epi16(_mm_packs_epi32(y, _mm_sub_epi32(sin, y)), _mm_set1_epi16(-32767));

    _mm_storel_epi64((__m128i *)echo, packed);
    _mm_storel_epi64((__m128i *)error, _mm_unpackhi_epi64(packed, packed));
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

static inline SSE2 __m128i interleaved(const int16_t *x)
{
    return _mm_unpacklo_epi16(load4(x), load4(x + 1));
}

static inline SSE2 __m128i four(const int16_t *x, const whitening_t *w)
{
    __m128i sum = _mm_add_epi32(_mm_madd_epi16(w->a10, interleaved(x - 1)), _mm_madd_epi16(w->a32, interleaved(x - 3)));

    sum = _mm_add_epi32(sum, _mm_madd_epi16(w->a54, interleaved(x - 5)));
    return _mm_sra_epi32(_mm_add_epi32(sum, w->half), w->shift);
}

static SSE2 void whiten_block(int16_t *rin, const int16_t *const in[3], const int16_t *a, int shift,
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

static inline SSE2 __m128i block_lags(const int16_t *v, __m128i shift)
{
    __m128i x = _mm_unpacklo_epi64(load4(v), load4(v));
    __m128i low = _mm_madd_epi16(x, _mm_unpacklo_epi64(load4(v), load4(v - 1)));
    __m128i high = _mm_madd_epi16(x, _mm_unpacklo_epi64(load4(v - 2), load4(v - 3)));

    return neighbours(_mm_sra_epi32(low, shift), _mm_sra_epi32(high, shift));
}

static SSE2 void move_lags(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    __m128i s = _mm_cvtsi32_si128(shift), r = _mm_loadu_si128((__m128i *)lag);

    r = _mm_add_epi32(r, _mm_sub_epi32(block_lags(v, s), block_lags(v - n, s)));
    _mm_storeu_si128((__m128i *)lag, r);
}

/* The top halves of both planes, in order. */
static inline SSE2 __m128i tops_sse2(__m128i even, __m128i odd)
{
    return _mm_or_si128(_mm_srli_epi32(even, 16), _mm_and_si128(odd, _mm_set1_epi32((int)0xffff0000)));
}

static inline SSE2 __m128i same_sse2(__m128i v)
{
    return v;
}

#define ISA SSE2
#define NAME(f) f##_sse2
#define OP(f) _mm_##f
#define BITS(f) _mm_##f##_si128
#define VECTOR __m128i
#define WIDTH 8
#include "ec_kernel_x86_loops.h"

static SSE2 void correlate(const int16_t *x, int shift, int32_t r[ORDER + 1])
{
    __m128i half = _mm_set1_epi32(shift > 0 ? 1 << (shift - 1) : 0);
    __m128i down = _mm_cvtsi32_si128(shift > 0 ? shift : 0), up = _mm_cvtsi32_si128(shift > 0 ? 0 : -shift);
    __m128i sum[8];

    for (int k = 0; k < 8; k++) {
        sum[k] = _mm_setzero_si128();
        for (int i = 0; k <= ORDER && i < PERIOD; i += 8) {
            __m128i products = _mm_add_epi32(_mm_madd_epi16(load_sse2(x + i), load_sse2(x + i - k)), half);

            sum[k] = _mm_add_epi32(sum[k], _mm_sll_epi32(_mm_sra_epi32(products, down), up));
        }
    }
    _mm_storeu_si128((__m128i *)r, sums_sse2(sum));
    _mm_storel_epi64((__m128i *)(r + 4), sums_sse2(sum + 4));
}

const ec_kernel_t ec_kernel_sse2 = {
    shift, survey, energy, filter_sse2, adapt_sse2, blend_sse2, whiten_sse2, whiten_block, lags_sse2, move_lags, correlate,
};

static inline AVX2 __m128i sums_avx2(__m256i v[4])
{
    AFTER_LOOP(v);
    __m256i sum = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));

    return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

static inline AVX2 __m256i tops_avx2(__m256i even, __m256i odd)
{
    return _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);
}

static inline AVX2 __m256i same_avx2(__m128i v)
{
    return _mm256_broadcastd_epi32(v);
}

#define ISA AVX2
#define NAME(f) f##_avx2
#define OP(f) _mm256_##f
#define BITS(f) _mm256_##f##_si256
#define VECTOR __m256i
#define WIDTH 16
#include "ec_kernel_x86_loops.h"

const ec_kernel_t ec_kernel_avx2 = {
    shift, survey, energy, filter_avx2, adapt_avx2, blend_avx2, whiten_avx2, whiten_block, lags_avx2, move_lags, correlate,
};

#endif
