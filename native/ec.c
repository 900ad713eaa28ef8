/* See ec.h. A normalised LMS filter with 32-bit coefficients whose top halves filter. */
#include "ec.h"

#include <string.h>

enum {
    HANGOVER = 240,             /* samples that double talk is held: 30 ms */
    NLP_HANGOVER = 320,         /* 40 ms */
    STEP = 16384,               /* step size of the adaptation, Q15 */
    QUIET = 256                 /* mean square of Rin below which nothing is learnt */
};

typedef struct {
    int32_t size, taps, log_taps, position, kernel;
    uint32_t flags, noise;
    int32_t frozen, rin_dc, sin_dc, energy, last_gain;
    int32_t rin_level, sin_level, echo_level, error_level, noise_level;
    int32_t hangover, nlp_hangover, nlp_gain, erl, erle;
    int32_t memory[];           /* coefficients Q29, then the window of Rin: 2 * taps of int16_t */
} canceller_t;

static int32_t *coefficients(canceller_t *ec)
{
    return ec->memory;
}

static int16_t *window(canceller_t *ec)
{
    return (int16_t *)(ec->memory + ec->taps);
}

static int16_t saturate(int32_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static int bits(uint32_t v)
{
    int n = 0;

    for (; v; v >>= 1)
        n++;
    return n;
}

/* 100 * 10 log10(v), v > 0: the integer part of log2, and a straight line between powers of two. */
static int32_t decibels(uint32_t v)
{
    int32_t top = bits(v) - 1;
    uint32_t fraction = (top < 10 ? v << (10 - top) : v >> (top - 10)) - 1024;

    return (top * 1024 + (int32_t)fraction) * 301 / 1024;
}

int32_t ec_size(int taps)
{
    if (taps < EC_TAPS_MIN || taps > EC_TAPS_MAX || taps % EC_TAPS_STEP)
        return 0;
    return (int32_t)sizeof(canceller_t) + 8 * taps;
}

void ec_reset(void *state)
{
    canceller_t *ec = state;
    canceller_t old = *ec;

    memset(ec, 0, (size_t)ec_size(old.taps));
    ec->size = old.size;
    ec->taps = old.taps;
    ec->log_taps = bits((uint32_t)old.taps - 1);
    ec->kernel = old.kernel;
    ec->flags = old.flags;
    ec->frozen = old.frozen;
    ec->noise = 1;
    for (int32_t k = 0; k < ec->taps; k++)
        coefficients(ec)[k] = 0x8000;       /* the top half is then the rounded coefficient */
}

int ec_init(void *state, int taps, unsigned flags)
{
    canceller_t *ec = state;

    if (ec_size(taps) == 0)
        return EC_BAD_TAPS;
    memset(ec, 0, sizeof *ec);
    ec->size = ec_size(taps);
    ec->taps = taps;
    ec->kernel = EC_SCALAR;
    ec->flags = flags;
    ec_reset(state);
    return 0;
}

int ec_kernel(void *state, int kernel)
{
    (void)state;
    return kernel == EC_AUTO || kernel == EC_SCALAR ? EC_SCALAR : EC_BAD_KERNEL;
}

void ec_freeze(void *state, int on)
{
    ((canceller_t *)state)->frozen = on != 0;
}

/* A one-pole high-pass with a time constant of 1024 samples; *dc is Q14. */
static int16_t without_dc(int32_t *dc, int16_t sample)
{
    *dc += ((int32_t)sample * 16384 - *dc) / 1024;
    return saturate(sample - (*dc >> 14));
}

/* The window is written twice, so that the last `taps` samples always stand in one piece, newest first. */
static const int16_t *push(canceller_t *ec, int16_t sample)
{
    int16_t *x = window(ec);
    int32_t oldest;

    ec->position = (ec->position ? ec->position : ec->taps) - 1;
    oldest = x[ec->position];
    ec->energy += ((int32_t)sample * sample >> ec->log_taps) - (oldest * oldest >> ec->log_taps);
    x[ec->position] = x[ec->position + ec->taps] = sample;
    return x + ec->position;
}

static int32_t echo_of(canceller_t *ec, const int16_t *x)
{
    const int32_t *h = coefficients(ec);
    uint32_t sum = 4096;

    for (int32_t k = 0; k < ec->taps; k++)
        sum += (uint32_t)((h[k] >> 16) * x[k]);
    return (int32_t)sum >> 13;
}

static void level(int32_t *mean, int32_t sample, int shift)
{
    *mean += ((sample * sample >> 1) - *mean) >> shift;
}

static void measure(canceller_t *ec, int32_t rin, int32_t sin, int32_t echo, int32_t error)
{
    level(&ec->rin_level, rin, 8);
    level(&ec->sin_level, sin, 8);
    level(&ec->echo_level, echo, 8);
    level(&ec->error_level, error, 8);
    if (ec->rin_level > QUIET && ec->hangover == 0) {
        ec->erl = decibels((uint32_t)ec->rin_level) - decibels((uint32_t)ec->echo_level + 1);
        ec->erle = decibels((uint32_t)ec->sin_level + 1) - decibels((uint32_t)ec->error_level + 1);
    }
}

static int proved(const canceller_t *ec)
{
    return ec->erle > 1200;
}

/* The near end talks when Sin is nearly as loud as Rin. */
static void detect_double_talk(canceller_t *ec)
{
    int32_t rin = ec->energy >> 1;          /* the mean over the taps, halved as the levels are */

    if (ec->sin_level > rin - (rin >> 2))
        ec->hangover = HANGOVER;
    else if (ec->hangover > 0)
        ec->hangover--;
}

/* h += STEP * error * x / (energy of x): the quotient as a number of 16 bits and a shift. */
static void adapt(canceller_t *ec, const int16_t *x, int32_t error)
{
    int32_t *h = coefficients(ec);
    uint32_t energy = (uint32_t)ec->energy + 64;
    int32_t exponent = bits(energy) - 15;
    uint32_t mantissa = exponent < 0 ? energy << -exponent : energy >> exponent;
    int32_t gain = (error * STEP >> 15) * (int32_t)((1u << 29) / mantissa);
    int32_t excess = bits((uint32_t)(gain < 0 ? -gain : gain)) - 15;
    int32_t shift = exponent + ec->log_taps;

    if (excess > 0) {
        gain >>= excess;
        shift -= excess;
    }
    for (int32_t k = 0; k < ec->taps; k++) {
        int32_t change = gain * x[k];
        h[k] += shift > 0 ? change >> shift : (int32_t)((uint32_t)change << -shift);
    }
}

static int16_t comfort_noise(canceller_t *ec)
{
    int32_t amplitude = 1;

    ec->noise = (ec->noise >> 1) ^ (-(ec->noise & 1) & 0xA3000000u);   /* a maximal-length shift register */
    while (amplitude * amplitude < ec->noise_level * 6)                  /* uniform: peak = sqrt(3) rms; halved level */
        amplitude++;
    return (int16_t)((int32_t)(ec->noise >> 16 & 0x7FFF) * 2 * amplitude / 32768 - amplitude);
}

static int16_t suppress(canceller_t *ec, int32_t error)
{
    int far = ec->energy > QUIET;

    if (!far && ec->error_level < QUIET * 64)
        ec->noise_level += (ec->error_level - ec->noise_level) / 64;
    if (!(ec->flags & EC_NLP) || !far || ec->error_level > (ec->echo_level >> 4) + ec->noise_level + 64)
        ec->nlp_hangover = NLP_HANGOVER;
    else if (ec->nlp_hangover > 0)
        ec->nlp_hangover--;
    ec->nlp_gain += ec->nlp_hangover ? (256 - ec->nlp_gain + 3) / 4 : -((ec->nlp_gain + 15) / 16);
    error = error * ec->nlp_gain / 256;
    if (ec->flags & EC_COMFORT_NOISE && ec->nlp_gain < 256)
        error += comfort_noise(ec) * (256 - ec->nlp_gain) / 256;
    return saturate(error);
}

static int16_t cancel(canceller_t *ec, int16_t rin, int16_t sin)
{
    const int16_t *x = push(ec, without_dc(&ec->rin_dc, rin));
    int32_t near = without_dc(&ec->sin_dc, sin);
    int32_t echo = echo_of(ec, x);
    int32_t error = saturate(near - echo);

    measure(ec, x[0], near, echo, error);
    detect_double_talk(ec);
    if (!ec->frozen && ec->hangover == 0 && ec->energy > QUIET)
        adapt(ec, x, error);
    return suppress(ec, error);
}

void ec_process(void *state, const int16_t *rin, const int16_t *sin, int16_t *sout, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        sout[i] = cancel(state, rin[i], sin[i]);
}

void ec_stats(const void *state, ec_stats_t *stats)
{
    const canceller_t *ec = state;

    stats->erl = ec->erl;
    stats->erle = ec->erle;
    stats->double_talk = ec->hangover > 0;
    stats->proved = proved(ec);
    stats->tone = 0;
    stats->nlp_open = ec->nlp_gain > 128;
    stats->taps = ec->taps;
    stats->kernel = ec->kernel;
}

void ec_path(const void *state, int16_t *h)
{
    const canceller_t *ec = state;

    for (int32_t k = 0; k < ec->taps; k++)
        h[k] = (int16_t)(ec->memory[k] >> 16);
}
