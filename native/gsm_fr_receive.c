/* The receive DTX handler: what to decode when no speech frame came. */
#include "gsm_fr_math.h"
#include "gsm_fr_state.h"

enum {
    CODE_PULSES = 43,           /* of the SID code word's 95 bits: the top bits of all pulses, the next of these */
    VALID = 2, ACCEPTED = 16,   /* less wrong bits of the code word (06.31 6.1.1) */
    FADE = 4,                   /* steps of xmaxc a frame (06.11 6) */
    SID_WAIT = 48,              /* frames: one SID is due in 24 (06.31 5.1.2), two must be lost (06.11 5) */
    LOST_FOR_EVER = 1000,       /* frames, when all has long faded */
    LAG_ODD = 40, LAG_EVEN = 120,
    NOISE_PULSE_MIN = 1, NOISE_PULSES = 6,
    GRIDS = 4,
    MULTIPLIER = 1664525, INCREMENT = 1013904223        /* a linear congruential generator of 2^32 numbers */
};

/* 06.11 table 1 */
static const uint8_t silence_lar[ORDER] = {42, 39, 21, 10, 9, 4, 3, 2};
static const subframe_t silence = {LAG_MIN, 0, 1, 0, {3, 4, 3, 4, 4, 3, 3, 3, 3, 4, 4, 3, 3}};

static void be_silent(parameters_t *p)
{
    for (int i = 0; i < ORDER; i++)
        p->lar[i] = silence_lar[i];
    for (int i = 0; i < SUBFRAMES; i++)
        p->subframe[i] = silence;
}

void gsm_fr_receiver_init(receiver_t *r)
{
    r->random = 1;
    be_silent(&r->speech);
    for (int i = 0; i < ORDER; i++)
        r->lar[i] = silence_lar[i];
}

/* 0..n - 1, any as likely. */
static uint8_t draw(receiver_t *r, uint32_t n)
{
    r->random = r->random * MULTIPLIER + INCREMENT;
    return (uint8_t)((r->random >> 16) * n >> 16);
}

/* -- what came -- */

/* Bits that differ from the SID code word, which is all zeros (06.12 5.2, 05.03 table 2). */
static int wrong_bits(const parameters_t *p)
{
    int wrong = 0;

    for (int i = 0, n = 0; i < SUBFRAMES; i++)
        for (int k = 0; k < PULSES; k++, n++) {
            int pulse = p->subframe[i].pulse[k];

            wrong += (pulse >> 2 & 1) + (n < CODE_PULSES ? pulse >> 1 & 1 : 0);
        }
    return wrong;
}

static void learn_noise(receiver_t *r, const parameters_t *p)
{
    for (int i = 0; i < ORDER; i++)
        r->lar[i] = p->lar[i];
    for (int i = 0; i < SUBFRAMES; i++)
        r->xmax[i] = p->subframe[i].xmax;
}

static int hear(receiver_t *r, const uint8_t *frame)
{
    parameters_t p;
    int wrong;

    if (!frame || gsm_fr_unpack(&p, frame) != 0) {
        r->lost += r->lost < LOST_FOR_EVER;
        return GSM_FR_LOST;
    }
    wrong = wrong_bits(&p);
    r->lost = 0;
    r->noise = wrong < ACCEPTED;
    if (wrong < VALID)
        learn_noise(r, &p);
    if (!r->noise)
        r->speech = p;
    return r->noise ? GSM_FR_SID : GSM_FR_SPEECH;
}

/* -- what is played -- */

/* 06.12 6.1 */
static void make_noise(receiver_t *r, parameters_t *p)
{
    for (int i = 0; i < ORDER; i++)
        p->lar[i] = r->lar[i];
    for (int i = 0; i < SUBFRAMES; i++) {
        subframe_t *s = &p->subframe[i];

        *s = (subframe_t){.lag = i % 2 ? LAG_EVEN : LAG_ODD, .grid = draw(r, GRIDS), .xmax = r->xmax[i]};
        for (int k = 0; k < PULSES; k++)
            s->pulse[k] = (uint8_t)(NOISE_PULSE_MIN + draw(r, NOISE_PULSES));
    }
}

static int loudest(const parameters_t *p)
{
    int most = 0;

    for (int i = 0; i < SUBFRAMES; i++)
        if (p->subframe[i].xmax > most)
            most = p->subframe[i].xmax;
    return most;
}

/* 06.11 6: weaker by `steps` fades, silence in the frame after the least amplitude was reached. */
static void fade(receiver_t *r, parameters_t *p, int32_t steps)
{
    if (loudest(p) <= FADE * (steps - 1)) {
        be_silent(p);
        return;
    }
    for (int i = 0; i < SUBFRAMES; i++) {
        int xmax = p->subframe[i].xmax - FADE * (int)steps;

        p->subframe[i].xmax = (uint8_t)(xmax < 0 ? 0 : xmax);
        p->subframe[i].grid = draw(r, GRIDS);
    }
}

int gsm_fr_receive(void *state, const uint8_t *frame, int16_t *pcm)
{
    gsm_fr_state_t *codec = state;
    receiver_t *r = &codec->receiver;
    int heard = hear(r, frame);
    int32_t steps = r->lost - (r->noise ? SID_WAIT : 1);
    parameters_t p = r->speech;

    if (r->noise)
        make_noise(r, &p);
    if (steps > 0)
        fade(r, &p, steps);
    gsm_fr_synthesise(&codec->decoder, &p, pcm);
    return heard;
}
