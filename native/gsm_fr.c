#include "gsm_fr_math.h"
#include "gsm_fr_state.h"

enum {
    SIGNATURE = 0xd,
    SIGNATURE_BITS = 4,
    SUBFRAME_HEAD = 4,          /* fields before the pulses */
    PULSE_BITS = 3
};

static const uint8_t lar_bits[ORDER] = {6, 6, 5, 5, 4, 4, 3, 3};
static const uint8_t head_bits[SUBFRAME_HEAD] = {7, 2, 2, 6};

/* Table 5.1: quantiser of the log area ratios. */
const int16_t gsm_fr_a[ORDER] = {20480, 20480, 20480, 20480, 13964, 15360, 8534, 9036};
const int16_t gsm_fr_b[ORDER] = {0, 0, 2048, -2560, 94, -1792, -341, -1144};
const int8_t gsm_fr_mic[ORDER] = {-32, -32, -16, -16, -8, -8, -4, -4};
const int8_t gsm_fr_mac[ORDER] = {31, 31, 15, 15, 7, 7, 3, 3};
/* Table 5.2: 1 / A. */
static const int16_t inverse_a[ORDER] = {13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708};
/* Table 5.3b: gains of the long-term predictor. */
static const int16_t gains[4] = {3277, 11469, 21299, 32767};
/* Table 5.6: mantissas of the block amplitude. */
static const int16_t factors[8] = {18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767};

const uint8_t gsm_fr_segment[SEGMENTS] = {13, 14, 13, 120};     /* 5.2.9.1: k = 0..12, ..26, ..39, ..159 */

int32_t gsm_fr_size(void)
{
    return sizeof(gsm_fr_state_t);
}

void gsm_fr_init(void *state)
{
    gsm_fr_state_t *codec = state;

    *codec = (gsm_fr_state_t){.tag = GSM_FR_STATE, .decoder.lag = LAG_MIN};
    gsm_fr_receiver_init(&codec->receiver);
}

/* -- frames -- */

typedef struct {
    uint8_t *octet;
    uint32_t bits;
    int count;
} writer_t;

static void put(writer_t *w, uint32_t v, int bits)
{
    w->bits = w->bits << bits | v;
    w->count += bits;
    for (; w->count >= 8; w->count -= 8)
        *w->octet++ = (uint8_t)(w->bits >> (w->count - 8));
}

void gsm_fr_pack(const parameters_t *p, uint8_t *frame)
{
    writer_t w = {frame, SIGNATURE, SIGNATURE_BITS};

    for (int i = 0; i < ORDER; i++)
        put(&w, p->lar[i], lar_bits[i]);
    for (const subframe_t *s = p->subframe; s < p->subframe + SUBFRAMES; s++) {
        const uint8_t *head = (const uint8_t *)s;

        for (int i = 0; i < SUBFRAME_HEAD; i++)
            put(&w, head[i], head_bits[i]);
        for (int i = 0; i < PULSES; i++)
            put(&w, s->pulse[i], PULSE_BITS);
    }
}

typedef struct {
    const uint8_t *octet;
    uint32_t bits;
    int count;
} reader_t;

static uint8_t get(reader_t *r, int bits)
{
    for (; r->count < bits; r->count += 8)
        r->bits = r->bits << 8 | *r->octet++;
    r->count -= bits;
    return (uint8_t)(r->bits >> r->count & ((1u << bits) - 1));
}

int gsm_fr_unpack(parameters_t *p, const uint8_t *frame)
{
    reader_t r = {frame, 0, 0};

    if (get(&r, SIGNATURE_BITS) != SIGNATURE)
        return GSM_FR_BAD_FRAME;
    for (int i = 0; i < ORDER; i++)
        p->lar[i] = get(&r, lar_bits[i]);
    for (subframe_t *s = p->subframe; s < p->subframe + SUBFRAMES; s++) {
        uint8_t *head = (uint8_t *)s;

        for (int i = 0; i < SUBFRAME_HEAD; i++)
            head[i] = get(&r, head_bits[i]);
        for (int i = 0; i < PULSES; i++)
            s->pulse[i] = get(&r, PULSE_BITS);
    }
    return 0;
}

/* -- the short-term filter -- */

void gsm_fr_lars(const uint8_t *codes, int16_t *lar)
{
    for (int i = 0; i < ORDER; i++) {
        int16_t code = sub((codes[i] + gsm_fr_mic[i]) * 1024, gsm_fr_b[i] * 2);
        int16_t half = mult_r(inverse_a[i], code);

        lar[i] = add(half, half);
    }
}

/* 5.2.9.1: quarters 3 + 1, 2 + 2, 1 + 3, and the new ones alone. */
static int16_t between(int16_t before, int16_t now, int segment)
{
    int16_t quarters = add(before >> 2, now >> 2);

    if (segment == 0)
        return add(quarters, before >> 1);
    if (segment == 1)
        return add(before >> 1, now >> 1);
    if (segment == 2)
        return add(quarters, now >> 1);
    return now;
}

/* 5.2.9.2: three straight lines for the hyperbolic tangent. */
static int16_t reflection(int16_t lar)
{
    int16_t r = magnitude(lar);

    if (r < 11059)
        r = (int16_t)(r * 2);
    else if (r < 20070)
        r = (int16_t)(r + 11059);
    else
        r = add(r >> 2, 26112);
    return (int16_t)(lar < 0 ? -r : r);
}

void gsm_fr_reflection(const int16_t *before, const int16_t *now, int segment, int16_t *rp)
{
    for (int i = 0; i < ORDER; i++)
        rp[i] = reflection(between(before[i], now[i], segment));
}

/* -- excitation -- */

amplitude_t gsm_fr_amplitude(int xmax)
{
    int exponent = xmax > 15 ? (xmax >> 3) - 1 : 0;
    int mantissa = xmax - exponent * 8;

    if (mantissa == 0)
        return (amplitude_t){-4, 7};
    for (; mantissa < 8; exponent--)
        mantissa = mantissa * 2 + 1;
    return (amplitude_t){exponent, mantissa - 8};
}

void gsm_fr_predict(const int16_t *dp, int lag, int gain, int16_t *dpp)
{
    for (int k = 0; k < SUBFRAME; k++)
        dpp[k] = mult_r(gains[gain], dp[LAG_MAX - lag + k]);
}

void gsm_fr_extend(int16_t *dp, const int16_t *dpp, const subframe_t *s)
{
    int16_t *newest = dp + LAG_MAX - SUBFRAME;
    amplitude_t amplitude = gsm_fr_amplitude(s->xmax);
    int shift = 6 - amplitude.exponent;
    int16_t half = (int16_t)(1 << shift >> 1);

    for (int k = 0; k < LAG_MAX - SUBFRAME; k++)
        dp[k] = dp[k + SUBFRAME];
    for (int k = 0; k < SUBFRAME; k++)
        newest[k] = dpp[k];
    for (int i = 0; i < PULSES; i++) {
        int16_t v = mult_r(factors[amplitude.mantissa], (int16_t)((s->pulse[i] * 2 - 7) * 4096));
        int16_t *at = newest + s->grid + 3 * i;

        *at = add(*at, add(v, half) >> shift);
    }
}
