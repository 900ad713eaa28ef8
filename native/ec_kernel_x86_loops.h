/* The long loops for one width of vectors. ec_kernel_x86.c includes this once for each instruction set, with
 *
 *   ISA              the attribute that lets a function use it
 *   NAME(f)          f for this set; there are: sums, tops, same
 *   OP(f), BITS(f)   its intrinsic f of lanes, of a whole vector
 *   VECTOR, WIDTH    its vectors, and how many samples one holds
 */

static inline ISA VECTOR NAME(load)(const void *p)
{
    return BITS(loadu)((const VECTOR *)p);
}

static inline ISA void NAME(add_products)(VECTOR *sum, VECTOR a, VECTOR b)
{
    *sum = OP(add_epi32)(*sum, OP(madd_epi16)(a, b));
}

/* Sums for four outputs. */
static inline ISA __m128i NAME(filter_block)(const int16_t *h, const int16_t *x, int32_t taps)
{
    const int16_t *end = h + taps;
    VECTOR sum[BLOCK] = {{0}};

    for (; h < end; h += WIDTH, x += WIDTH)
        for (int i = 0; i < BLOCK; i++)
            NAME(add_products)(sum + i, NAME(load)(h), NAME(load)(x + i));
    return NAME(sums)(sum);
}

/* The same, and for the four a vector later: what is read for these at one place, the first need at the next. */
static inline ISA __m128i NAME(filter_blocks)(const int16_t *h, const int16_t *x, int32_t taps, __m128i *later)
{
    const int16_t *end = h + taps;
    VECTOR sum[BLOCK] = {{0}}, sum_later[BLOCK] = {{0}};

#pragma GCC unroll 2
    for (; h < end; h += WIDTH, x += WIDTH)
        for (int i = 0; i < BLOCK; i++) {
            NAME(add_products)(sum + i, NAME(load)(h), NAME(load)(x + i));
            NAME(add_products)(sum_later + i, NAME(load)(h), NAME(load)(x + WIDTH + i));
        }
    *later = NAME(sums)(sum_later);
    return NAME(sums)(sum);
}

static ISA void NAME(filter)(const int16_t *h, const int16_t *x, int32_t taps, const int16_t *line, int32_t n,
                             int16_t *echo, int16_t *error)
{
    int32_t i = 0;

    for (; i + 2 * WIDTH <= n; i += WIDTH)
        for (int32_t end = i + WIDTH; i < end; i += BLOCK) {
            __m128i later;

            subtract(NAME(filter_blocks)(h, x + i, taps, &later), line + i, echo + i, error + i);
            subtract(later, line + i + WIDTH, echo + i + WIDTH, error + i + WIDTH);
        }
    for (; i < n; i += BLOCK)
        subtract(NAME(filter_block)(h, x + i, taps), line + i, echo + i, error + i);
}

static inline ISA VECTOR NAME(updated)(int32_t *plane, const int16_t *v, VECTOR g01, VECTOR g23)
{
    VECTOR h = NAME(load)(plane);

    NAME(add_products)(&h, g01, NAME(load)(v));
    NAME(add_products)(&h, g23, NAME(load)(v + 2));
    BITS(storeu)((VECTOR *)plane, h);
    return h;
}

static ISA void NAME(adapt)(planes_t h, const int16_t *v, const int16_t *gain, int32_t taps, int32_t *y)
{
    const int16_t *end = v + taps;
    VECTOR sum[BLOCK] = {{0}}, g01 = NAME(same)(pair(gain)), g23 = NAME(same)(pair(gain + 2));

#pragma GCC unroll 2
    for (; v < end; v += WIDTH, h.even += WIDTH / 2, h.odd += WIDTH / 2) {
        VECTOR even = NAME(updated)(h.even, v, g01, g23), odd = NAME(updated)(h.odd, v + 1, g01, g23);
        VECTOR top = NAME(tops)(even, odd);

        for (int i = 0; i < BLOCK; i++)
            NAME(add_products)(sum + i, top, NAME(load)(v + BLOCK + i));
    }
    _mm_storeu_si128((__m128i *)y, outputs(NAME(sums)(sum)));
}

static inline ISA VECTOR NAME(blended)(int32_t *plane, const int32_t *other, __m128i shift)
{
    VECTOR h = NAME(load)(plane), change = OP(sub_epi32)(OP(sra_epi32)(NAME(load)(other), shift),
                                                           OP(sra_epi32)(h, shift));

    h = OP(add_epi32)(h, change);
    BITS(storeu)((VECTOR *)plane, h);
    return h;
}

static ISA void NAME(blend)(planes_t h, planes_t other, int32_t taps, int shift, int16_t *top)
{
    __m128i s = _mm_cvtsi32_si128(shift);

    for (int32_t j = 0; j < taps / 2; j += WIDTH / 2, top += WIDTH) {
        VECTOR even = NAME(blended)(h.even + j, other.even + j, s), odd = NAME(blended)(h.odd + j, other.odd + j, s);

        BITS(storeu)((VECTOR *)top, NAME(tops)(even, odd));
    }
}

/* Outputs at the places of x that start a pair: 0, 2, 4 ... after the place of `x`. */
static inline ISA VECTOR NAME(every_second)(const int16_t *x, const whitening_t *w)
{
    VECTOR sum = NAME(same)(w->half);

    NAME(add_products)(&sum, NAME(same)(w->a10), NAME(load)(x - 1));
    NAME(add_products)(&sum, NAME(same)(w->a32), NAME(load)(x - 3));
    NAME(add_products)(&sum, NAME(same)(w->a54), NAME(load)(x - 5));
    return OP(sra_epi32)(sum, w->shift);
}

static ISA void NAME(whiten)(int16_t *out, const int16_t *in, int32_t n, const int16_t *a, int shift)
{
    whitening_t w = whitening(a, shift);
    VECTOR least = OP(set1_epi16)(-32767);

    for (int32_t i = 0; i < n; i += WIDTH) {
        VECTOR packed = OP(packs_epi32)(NAME(every_second)(in + i, &w), NAME(every_second)(in + i + 1, &w));

        packed = OP(unpacklo_epi16)(packed, OP(unpackhi_epi64)(packed, packed));
        BITS(storeu)((VECTOR *)(out + i), OP(max_epi16)(packed, least));
    }
}

static ISA void NAME(lags)(const int16_t *v, int32_t n, int shift, int32_t lag[BLOCK])
{
    VECTOR sum[BLOCK] = {{0}};
    __m128i s = _mm_cvtsi32_si128(shift);

    for (const int16_t *end = v + n; v < end; v += WIDTH)
        for (int d = 0; d < BLOCK; d++) {
            VECTOR products = OP(madd_epi16)(NAME(load)(v), NAME(load)(v - d));

            sum[d] = OP(add_epi32)(sum[d], OP(sra_epi32)(products, s));
        }
    _mm_storeu_si128((__m128i *)lag, NAME(sums)(sum));
}

#undef ISA
#undef NAME
#undef OP
#undef BITS
#undef VECTOR
#undef WIDTH
