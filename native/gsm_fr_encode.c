/* The encoder: preprocessing, short-term analysis, and for each subframe long-term prediction and regular pulses. */
#include "gsm_fr_math.h"
#include "gsm_fr_state.h"

enum {
    OFFSET_POLE = 32735,        /* 0.999 (5.2.2) */
    EMPHASIS = -28180,          /* -0.86 (5.2.3) */
    TAPS = 11,                  /* of the weighting filter */
    MARGIN = 5,                 /* its zeros on either side of a subframe */
    GRIDS = 4
};

/* Table 5.3a: decision levels of the long-term gain. */
static const int16_t gain_levels[3] = {6554, 16384, 26214};
/* Table 5.4: impulse response of the weighting filter, Q13. */
static const int16_t weights[TAPS] = {-134, -374, 0, 2054, 5741, 8192, 5741, 2054, 0, -374, -134};
/* Table 5.5: inverse mantissas of the block amplitude. */
static const int16_t inverse_factors[8] = {29128, 26215, 23832, 21846, 20165, 18725, 17476, 16384};

static int16_t peak(const int16_t *v, int n, int stride)
{
    int16_t most = 0;

    for (int i = 0; i < n; i++) {
        int16_t size = magnitude(v[i * stride]);

        if (size > most)
            most = size;
    }
    return most;
}

/* -- preprocessing -- */

/* 5.2.1, 5.2.2: 13 bits, and no DC. z2 stays within 2^30: a high-pass of two unit steps at most. */
static int16_t without_offset(encoder_t *e, int16_t pcm)
{
    int16_t so = (int16_t)((pcm >> 3) * 4);
    int32_t whole = e->z2 >> 15;
    int16_t rest = (int16_t)(e->z2 & 0x7fff);

    e->z2 = (so - e->z1) * 32768 + (whole * OFFSET_POLE + mult_r(rest, OFFSET_POLE));
    e->z1 = so;
    return (int16_t)((e->z2 + 16384) >> 15);
}

/* 5.2.3 */
static int16_t emphasised(encoder_t *e, int16_t sof)
{
    int16_t s = add(sof, mult_r(e->preemphasis, EMPHASIS));

    e->preemphasis = sof;
    return s;
}

/* -- short-term analysis -- */

/* 5.2.4: scale s so that no sum of 160 products overflows; returns the shift. */
static int scale(int16_t *s)
{
    int16_t most = peak(s, GSM_FR_SAMPLES, 1);
    int shift = most ? 4 - norm(most * 65536) : 0;

    if (shift <= 0)
        return 0;
    for (int k = 0; k < GSM_FR_SAMPLES; k++)
        s[k] = mult_r(s[k], (int16_t)(32768 >> shift));
    return shift;
}

/* 5.2.4: normalised to 16 bits; returns 0 for silence. s loses the bits that scaling takes. */
static int autocorrelation(int16_t *s, int16_t *acf)
{
    int shift = scale(s), normal = 0;

    for (int lag = 0; lag <= ORDER; lag++) {
        int32_t sum = 0;

        for (int k = lag; k < GSM_FR_SAMPLES; k++)
            sum += s[k] * s[k - lag];
        if (lag == 0 && sum == 0)
            return 0;
        if (lag == 0)
            normal = norm(sum * 2);
        acf[lag] = top(sum * 2, normal);
    }
    for (int k = 0; k < GSM_FR_SAMPLES; k++)
        s[k] = (int16_t)(s[k] * (1 << shift));
    return 1;
}

/* 5.2.5: one step of Schur's recursion; p[0] is the error's power, p[m] and k[m] its correlations with both ends. */
static void schur_step(int16_t *p, int16_t *k, int16_t r, int left)
{
    p[0] = add(p[0], mult_r(p[1], r));
    for (int m = 1; m <= left; m++) {
        int16_t ahead = p[m + 1];

        p[m] = add(ahead, mult_r(k[m], r));
        k[m] = add(k[m], mult_r(ahead, r));
    }
}

/* 5.2.5: reflection coefficients of the frame, 0 from where rounding has made the recursion unstable. */
static void reflections(const int16_t *acf, int16_t *r)
{
    int16_t p[ORDER + 1], k[ORDER + 1];

    for (int i = 0; i <= ORDER; i++)
        p[i] = k[i] = acf[i];
    for (int n = 0; n < ORDER; n++) {
        int16_t size = magnitude(p[1]);

        if (p[0] < size)
            return;
        r[n] = quotient(size, p[0]);
        if (p[1] > 0)
            r[n] = (int16_t)-r[n];
        schur_step(p, k, r[n], ORDER - 1 - n);
    }
}

/* 5.2.6: three straight lines for the logarithm. */
static int16_t log_area_ratio(int16_t r)
{
    int16_t lar = magnitude(r);

    if (lar < 22118)
        lar = (int16_t)(lar >> 1);
    else if (lar < 31130)
        lar = (int16_t)(lar - 11059);
    else
        lar = (int16_t)((lar - 26112) * 4);
    return (int16_t)(r < 0 ? -lar : lar);
}

/* 5.2.7 */
static uint8_t lar_code(int16_t lar, int i)
{
    int code = add(add(mult(gsm_fr_a[i], lar), gsm_fr_b[i]), 256) >> 9;
    int least = gsm_fr_mic[i], most = gsm_fr_mac[i];

    return (uint8_t)((code < least ? least : code > most ? most : code) - least);
}

static void analyse(int16_t *s, uint8_t *codes)
{
    int16_t acf[ORDER + 1], r[ORDER] = {0};

    if (autocorrelation(s, acf))
        reflections(acf, r);
    for (int i = 0; i < ORDER; i++)
        codes[i] = lar_code(log_area_ratio(r[i]), i);
}

/* 5.2.10: one sample through the lattice. */
static int16_t lattice(int16_t *u, const int16_t *rp, int16_t d)
{
    int16_t delayed = d;

    for (int i = 0; i < ORDER; i++) {
        int16_t before = u[i];

        u[i] = delayed;
        delayed = add(before, mult_r(rp[i], d));
        d = add(d, mult_r(rp[i], before));
    }
    return d;
}

/* s becomes the residual d. */
static void short_term(encoder_t *e, const uint8_t *codes, int16_t *s)
{
    int16_t lar[ORDER], rp[ORDER];

    gsm_fr_lars(codes, lar);
    for (int segment = 0; segment < SEGMENTS; segment++) {
        gsm_fr_reflection(e->lar, lar, segment, rp);
        for (int k = 0; k < gsm_fr_segment[segment]; k++, s++)
            *s = lattice(e->u, rp, *s);
    }
    for (int i = 0; i < ORDER; i++)
        e->lar[i] = lar[i];
}

/* -- long-term prediction -- */

static int32_t correlation(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;

    for (int k = 0; k < SUBFRAME; k++)
        sum += a[k] * b[k];
    return sum;
}

/* 5.2.11: what the past adds up to at this lag, in the scale of the cross-correlation. */
static int32_t power(const int16_t *past)
{
    int32_t sum = 0;

    for (int k = 0; k < SUBFRAME; k++)
        sum += (past[k] >> 3) * (past[k] >> 3);
    return sum * 2;
}

/* 5.2.11: the code of cross / energy. */
static uint8_t gain_code(int32_t cross, int32_t energy)
{
    uint8_t code = 0;
    int shifts;

    if (cross <= 0)
        return 0;
    if (cross >= energy)
        return 3;
    shifts = norm(energy);
    while (code < 3 && top(cross, shifts) > mult(top(energy, shifts), gain_levels[code]))
        code++;
    return code;
}

/* 5.2.11: the lag at which the past is most like d, and the gain there. */
static void find_lag(const int16_t *d, const int16_t *dp, subframe_t *s)
{
    int16_t scaled[SUBFRAME], most = peak(d, SUBFRAME, 1);
    int spare = most ? norm(most * 65536) : 6;
    int shift = spare > 6 ? 0 : 6 - spare;
    int32_t best = 0;

    for (int k = 0; k < SUBFRAME; k++)
        scaled[k] = (int16_t)(d[k] >> shift);
    s->lag = LAG_MIN;
    for (int lag = LAG_MIN; lag <= LAG_MAX; lag++) {
        int32_t sum = correlation(scaled, dp + LAG_MAX - lag);

        if (sum > best) {
            best = sum;
            s->lag = (uint8_t)lag;
        }
    }
    s->gain = gain_code(best * 2 >> (6 - shift), power(dp + LAG_MAX - s->lag));
}

/* -- regular pulses -- */

/* 5.2.13: e has MARGIN zeros on either side. */
static void weigh(const int16_t *e, int16_t *x)
{
    for (int k = 0; k < SUBFRAME; k++) {
        int32_t sum = 4096;

        for (int i = 0; i < TAPS; i++)
            sum += e[k + i] * weights[i];
        x[k] = saturate(sum >> 13);
    }
}

/* 5.2.14: the one of four grids, every third sample, that holds most energy. */
static uint8_t choose_grid(const int16_t *x)
{
    int32_t most = 0;
    uint8_t best = 0;

    for (uint8_t grid = 0; grid < GRIDS; grid++) {
        int32_t sum = 0;

        for (int k = grid; k < grid + 3 * PULSES; k += 3)
            sum += (x[k] >> 2) * (x[k] >> 2);
        if (sum > most) {
            most = sum;
            best = grid;
        }
    }
    return best;
}

/* 5.2.15: 6 bits, the exponent above the mantissa. */
static uint8_t amplitude_code(int16_t most)
{
    int exponent = 0;

    while (exponent < 6 && most >> (9 + exponent))
        exponent++;
    return (uint8_t)((most >> (exponent + 5)) + exponent * 8);
}

/* 5.2.15 */
static void quantise(const int16_t *x, subframe_t *s)
{
    amplitude_t amplitude;
    int shift;

    s->xmax = amplitude_code(peak(x, PULSES, 3));
    amplitude = gsm_fr_amplitude(s->xmax);
    shift = 6 - amplitude.exponent;
    for (int i = 0; i < PULSES; i++) {
        int16_t v = (int16_t)(x[3 * i] * (1 << shift));

        s->pulse[i] = (uint8_t)((mult(v, inverse_factors[amplitude.mantissa]) >> 12) + 4);
    }
}

/* Code a subframe of the residual, and follow the decoder. */
static void encode_subframe(encoder_t *e, const int16_t *d, subframe_t *s)
{
    int16_t dpp[SUBFRAME], error[MARGIN + SUBFRAME + MARGIN] = {0}, x[SUBFRAME];

    find_lag(d, e->dp, s);
    gsm_fr_predict(e->dp, s->lag, s->gain, dpp);
    for (int k = 0; k < SUBFRAME; k++)
        error[MARGIN + k] = sub(d[k], dpp[k]);
    weigh(error, x);
    s->grid = choose_grid(x);
    quantise(x + s->grid, s);
    gsm_fr_extend(e->dp, dpp, s);
}

void gsm_fr_encode(void *state, const int16_t *pcm, uint8_t *frame)
{
    encoder_t *e = &((gsm_fr_state_t *)state)->encoder;
    int16_t s[GSM_FR_SAMPLES];
    parameters_t p;

    for (int k = 0; k < GSM_FR_SAMPLES; k++)
        s[k] = emphasised(e, without_offset(e, pcm[k]));
    analyse(s, p.lar);
    short_term(e, p.lar, s);
    for (int i = 0; i < SUBFRAMES; i++)
        encode_subframe(e, s + i * SUBFRAME, &p.subframe[i]);
    gsm_fr_pack(&p, frame);
}
