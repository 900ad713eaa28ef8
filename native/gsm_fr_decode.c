#include "gsm_fr_math.h"
#include "gsm_fr_state.h"

enum { EMPHASIS = 28180 };      /* 0.86 (5.3.5) */

/* 5.3.1, 5.3.2: a subframe of the residual. A lag that cannot be is an error of the line: the last one serves. */
static void excite(decoder_t *d, const subframe_t *s, int16_t *residual)
{
    int16_t dpp[SUBFRAME];

    if (s->lag >= LAG_MIN && s->lag <= LAG_MAX)
        d->lag = s->lag;
    gsm_fr_predict(d->dp, d->lag, s->gain, dpp);
    gsm_fr_extend(d->dp, dpp, s);
    for (int k = 0; k < SUBFRAME; k++)
        residual[k] = d->dp[LAG_MAX - SUBFRAME + k];
}

/* 5.3.4: one sample through the lattice that undoes the encoder's. */
static int16_t lattice(int16_t *v, const int16_t *rp, int16_t s)
{
    for (int i = ORDER - 1; i >= 0; i--) {
        s = sub(s, mult_r(rp[i], v[i]));
        if (i < ORDER - 1)
            v[i + 1] = add(v[i], mult_r(rp[i], s));
    }
    v[0] = s;
    return s;
}

static void short_term(decoder_t *d, const uint8_t *codes, int16_t *s)
{
    int16_t lar[ORDER], rp[ORDER];

    gsm_fr_lars(codes, lar);
    for (int segment = 0; segment < SEGMENTS; segment++) {
        gsm_fr_reflection(d->lar, lar, segment, rp);
        for (int k = 0; k < gsm_fr_segment[segment]; k++, s++)
            *s = lattice(d->v, rp, *s);
    }
    for (int i = 0; i < ORDER; i++)
        d->lar[i] = lar[i];
}

/* 5.3.5 to 5.3.7 */
static int16_t output(decoder_t *d, int16_t s)
{
    d->deemphasis = add(s, mult_r(d->deemphasis, EMPHASIS));
    return (int16_t)(add(d->deemphasis, d->deemphasis) & ~7);
}

void gsm_fr_synthesise(decoder_t *d, const parameters_t *p, int16_t *pcm)
{
    for (int i = 0; i < SUBFRAMES; i++)
        excite(d, &p->subframe[i], pcm + i * SUBFRAME);
    short_term(d, p->lar, pcm);
    for (int k = 0; k < GSM_FR_SAMPLES; k++)
        pcm[k] = output(d, pcm[k]);
}

int gsm_fr_decode(void *state, const uint8_t *frame, int16_t *pcm)
{
    gsm_fr_state_t *codec = state;
    parameters_t p;

    if (gsm_fr_unpack(&p, frame) != 0)
        return GSM_FR_BAD_FRAME;
    gsm_fr_synthesise(&codec->decoder, &p, pcm);
    return 0;
}
