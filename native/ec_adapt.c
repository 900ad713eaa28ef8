/* The background filter: exact NLMS for blocks of four, on signals whitened by a linear prediction of Rin.
 *
 * Whitening makes all frequencies converge at one speed. Whitened samples carry a block exponent, `scale`, so that
 * 16 bits are enough from full scale down to a few units; whatever is kept in that domain is rescaled with it.
 */
#include <string.h>

#include "ec_math.h"
#include "ec_state.h"

enum {
    SCALE_MIN = -1,
    SCALE_MAX = 5,
    WHITE_SHIFT = 11,           /* of the coefficients a */
    BANDWIDTH = 3686,           /* 0.9 in Q12: keeps whitening from amplifying what Rin has almost nothing of */
    TONE_GAIN = 120,            /* prediction leaves less than 120 / 2^15 of a tone or a pair */
    TONE_HOLD = 6,              /* periods, and 1 more for each 32 taps */
    REGULARISER = 12,           /* mean square of Rin below which the step shrinks */
    STEP_MIN = 1311,            /* 0.04 */
    COMPANDING = 132,           /* mean square of mu-law's error: (|x| + 132)^2 / 5808 (G.711 table 2) */
    NO_NOISE = 64,              /* noise does not fall by 18 dB in a period: a near talker has stopped */
    QUIET_LAG = 4,              /* far end is silent: whitened mean square, ... */
    QUIET_PART = 100,           /* ... and part of its own maximum, ... */
    QUIET_DECAY = 10            /* ... which decays in 2^10 periods, 4 s */
};

void ec_adapt_reset(ec_state_t *ec)
{
    int32_t *plane = background(ec).even;

    for (int32_t j = 0; j < 2 * ec->taps; j++)
        plane[j] = 0x8000;      /* all four planes: the top half is the rounded coefficient */
    ec->scale = SCALE_MAX;
    ec->a[0] = 1 << WHITE_SHIFT;
    ec->a_power = 256;
    ec->step = ec->step_limit = STEP_ONE;
}

void ec_adapt_rewhiten(ec_state_t *ec)
{
    int16_t *white = white_window(ec);
    int32_t history = ec->taps + MARGIN, present = (ec->t + 15) & ~15;

    kernel_of(ec)->whiten(white - history, rin_window(ec) - history, history + present, ec->a, WHITE_SHIFT - ec->scale);
    kernel_of(ec)->lags(white + ec->t - ec->taps, ec->taps, ec->log_taps, ec->lag);
}

static void rescale_correlation(ec_state_t *ec, int power)
{
    while (power > 0 && bits((uint32_t)ec->correlation[0]) + 2 * power > 30)
        power--;                /* all by one factor, or prediction sees tones that are none */
    for (int k = 0; k <= ORDER; k++)
        ec->correlation[k] = power < 0 ? ec->correlation[k] >> (-2 * power)
                                       : (int32_t)((uint32_t)ec->correlation[k] << (2 * power));
}

static void rescale_energies(energies_t *energies, int power)
{
    energies->background = times4(energies->background, power);
    energies->foreground = times4(energies->foreground, power);
    energies->line = times4(energies->line, power);
}

static void rescale(ec_state_t *ec, int scale)
{
    int power = scale - ec->scale;

    rescale_correlation(ec, power);
    rescale_energies(&ec->now, power);
    rescale_energies(&ec->mean, power);
    rescale_energies(&ec->recent, power);
    ec->line_noise = times4(ec->line_noise, power);
    ec->error_power = times4(ec->error_power, power);
    ec->far_max = times4(ec->far_max, power);
    for (int i = 0; i < BLOCK; i++)
        ec->gain[i] = power > 0 ? (int16_t)(ec->gain[i] >> power) : saturate(ec->gain[i] * (1 << -power));
    ec->carry = 0;
    ec->scale = scale;
}

/* A sample too large for the scale lowers it at once. */
static void follow_peak(ec_state_t *ec, int32_t peak)
{
    int scale = 15 - bits((uint32_t)peak);

    if (peak > ec->peak)
        ec->peak = peak;
    if (scale < ec->scale && ec->scale > SCALE_MIN) {
        rescale(ec, scale < SCALE_MIN ? SCALE_MIN : scale);
        ec_adapt_rewhiten(ec);
    }
}

/* The step over the energy of the window: energy = mantissa << shift, a mantissa of 16 bits. */
typedef struct {
    int shift;
    int32_t factor;             /* step * 2^30 / mantissa */
    int32_t half;               /* of the mantissa: what no lag can exceed */
} divisor_t;

static divisor_t divisor_of(uint32_t energy, int32_t step)
{
    int shift = bits(energy) - 16;
    uint32_t mantissa = shift < 0 ? energy << -shift : energy >> shift;

    return (divisor_t){shift, (int32_t)((uint32_t)step * (0x80000000u / mantissa >> 1) >> 15), (int32_t)(mantissa / 2)};
}

/* Sample i, adapted, would have changed the output of sample i + d by its error times c[d] in Q14: step * lag[d] over
 * lag[0]. */
static void couplings(const ec_state_t *ec, divisor_t divisor, int32_t *c)
{
    int32_t shift = divisor.shift < 0 ? 0 : divisor.shift + 1;

    for (int d = 1; d < BLOCK; d++) {
        int32_t lag = ec->lag[d] >> shift;

        lag = lag > divisor.half ? divisor.half : lag < -divisor.half ? -divisor.half : lag;
        c[d] = lag * divisor.factor >> 15;
    }
}

/* The errors as they would be had each of the four samples adapted before the next. */
static void correct(const int32_t *c, int32_t *error)
{
    error[0] = saturate(error[0]);
    error[1] = saturate(error[1] - (error[0] * c[1] >> 14));
    error[2] = saturate(error[2] - ((error[1] * c[1] + error[0] * c[2]) >> 14));
    error[3] = saturate(error[3] - ((error[2] * c[1] + error[1] * c[2] + error[0] * c[3]) >> 14));
}

/* gain = step * error / energy, in units of Q29 coefficients over whitened samples. */
static void set_gains(ec_state_t *ec, divisor_t divisor, const int32_t *error)
{
    int shift = 1 + ec->log_taps + divisor.shift;

    if (shift < 0)
        shift = 0;
    for (int i = 0; i < BLOCK; i++) {
        int32_t product = error[i] * divisor.factor + ec->carry;

        ec->carry = product & ((1 << shift) - 1);
        ec->gain[i] = saturate(product >> shift);
    }
}

/* A tone teaches nothing of the path but how to cancel itself: then that is all there is to lose. */
static int may_learn(const ec_state_t *ec)
{
    return !ec->frozen && ec->far_active && !(ec->tone && ec->proved);
}

/* Move the window to the block. Its energy is the greater of before and after: what leaves has still been heard. */
static uint32_t move_window(ec_state_t *ec, const int16_t *white)
{
    int32_t before = ec->lag[0];

    kernel_of(ec)->move_lags(white, ec->taps, ec->log_taps, ec->lag);
    return larger((uint32_t)before, (uint32_t)ec->lag[0]);
}

void ec_adapt_block(ec_state_t *ec, int32_t peak)
{
    const int16_t *block[3] = {rin_window(ec) + ec->t, ec->line + REACH + ec->t, ec->error + REACH + ec->t};
    int16_t *white = white_window(ec) + ec->t;
    const ec_kernel_t *kernel = kernel_of(ec);
    int32_t c[BLOCK], error[BLOCK];
    divisor_t divisor;
    white_t made;

    follow_peak(ec, peak);
    kernel->whiten_block(white, block, ec->a, WHITE_SHIFT - ec->scale, &made);
    /* The division before the long loop, under which it takes no time. */
    divisor = divisor_of(move_window(ec, white) + (uint32_t)times4(REGULARISER, ec->scale > 0 ? ec->scale : 0), ec->step);
    couplings(ec, divisor, c);
    kernel->adapt(background(ec), white - BLOCK - (ec->taps - 1), ec->gain, ec->taps, error);
    for (int i = 0; i < BLOCK; i++)
        error[i] = made.line[i] - error[i];
    correct(c, error);
    if (may_learn(ec))
        set_gains(ec, divisor, error);
    else
        memset(ec->gain, 0, sizeof ec->gain);
    ec->now.line += made.line_energy;
    ec->now.foreground += made.error_energy;
    for (int i = 0; i < BLOCK; i += 2)
        ec->now.background += (int32_t)(((uint32_t)(error[i] * error[i]) + (uint32_t)(error[i + 1] * error[i + 1])) >>
                                        ENERGY_SHIFT);
}

static void listen_to_far_end(ec_state_t *ec)
{
    int32_t energy = ec->lag[0];

    ec->far_max -= ec->far_max >> QUIET_DECAY;
    if (energy > ec->far_max)
        ec->far_max = energy;
    ec->far_active = energy > times4(QUIET_LAG, ec->scale > 0 ? ec->scale : 0) && energy > ec->far_max / QUIET_PART;
}

/* Half the companding noise of the period, as whitened as the error is. */
static int32_t coding_noise(const ec_state_t *ec)
{
    uint32_t factor = (uint32_t)(ec->a_power * 128 / 23);       /* 65536 / 5808 / 2 = 128 / 23 */
    uint32_t sum = (uint32_t)kernel_of(ec)->energy(ec->line + REACH, COMPANDING);
    int32_t noise = times4((int32_t)part(sum, factor), ec->scale - 4);

    return noise < 1 << 26 ? noise : 1 << 26;
}

/* The step that takes the error to the noise: 1 - sqrt(noise / error). */
void ec_adapt_step(ec_state_t *ec)
{
    uint32_t noise;

    listen_to_far_end(ec);
    if (!ec->far_active) {
        int32_t most = ec->line_noise < 1 << 25 ? ec->line_noise * 16 + 16 : 1 << 29;

        smooth(&ec->line_noise, ec->now.background < most ? ec->now.background : most,
               ec->now.background < ec->line_noise / NO_NOISE ? 1 : 3);
    }
    ec->coding_noise = coding_noise(ec);
    ec->error_power = (ec->error_power + ec->now.background) / 2;
    noise = (uint32_t)ec->coding_noise + (uint32_t)ec->line_noise;
    ec->step = 0;
    if (ec->error_power > 0)
        ec->step = STEP_ONE - (int32_t)square_root(ratio(noise, (uint32_t)ec->error_power) << 14);
    if (ec->step < STEP_MIN)
        ec->step = STEP_MIN;
    if (ec->step > ec->step_limit)
        ec->step = ec->step_limit;
}

/* A leaky correlation: 1/32 + 1/64 of it are forgotten in a period. */
static void correlate(ec_state_t *ec)
{
    int32_t r[ORDER + 1];

    kernel_of(ec)->correlate(rin_window(ec), 9 - 2 * ec->scale, r);
    for (int k = 0; k <= ORDER; k++)
        ec->correlation[k] += r[k] - (ec->correlation[k] + 16) / 32 - (ec->correlation[k] + 32) / 64;
}

/* The correlation as 15 bits, with noise 36 dB under Rin added. */
static void normalise(const ec_state_t *ec, int32_t *r)
{
    int32_t power = ec->correlation[0] + (ec->correlation[0] >> 12) + 256;
    int shift = bits((uint32_t)power) - 15;

    for (int k = 0; k <= ORDER; k++) {
        int32_t v = k ? ec->correlation[k] : power;

        r[k] = shift > 0 ? (v + (1 << (shift - 1))) >> shift : v * (1 << -shift);
    }
}

/* -sum / error in Q15, `sum` in Q11 and of magnitude up to the error. */
static int32_t reflection(int32_t sum, int32_t error)
{
    int32_t excess = bits((uint32_t)error) > 16 ? bits((uint32_t)error) - 16 : 0, limit = (error >> 15) << 11, k;

    sum = sum > limit ? limit : sum < -limit ? -limit : sum;
    k = sum * (1 << (19 - excess)) / (error >> excess);
    return k > 32700 ? -32700 : k < -32700 ? 32700 : -k;
}

/* Levinson and Durbin's recursion; a in Q11, r in 15 bits. Returns the error that prediction leaves, r[0] in Q15. */
static int32_t predict(const int32_t *r, int32_t *a)
{
    int32_t error = r[0] << 15;

    for (int m = 1; m <= ORDER; m++) {
        int32_t sum = r[m] * 2048, k;

        for (int i = 1; i < m; i++)
            sum += a[i] * r[m - i];
        k = reflection(sum, error);
        for (int i = 1; i <= m - i; i++) {
            int32_t low = a[i], high = a[m - i];

            a[i] = low + ((k * high + 16384) >> 15);
            a[m - i] = high + ((k * low + 16384) >> 15);
        }
        a[m] = (k + 8) >> 4;
        error -= (int32_t)part((uint32_t)error, (uint32_t)(k * k) >> 14);
        if (error < 1)
            error = 1;
    }
    return error;
}

static void detect_tone(ec_state_t *ec, int32_t error, int32_t power)
{
    if (error < power * TONE_GAIN && ec->correlation[0] > 4096)
        ec->tone = TONE_HOLD + ec->taps / 32;
    else if (ec->tone > 0)
        ec->tone--;
}

static void set_whitening(ec_state_t *ec, const int32_t *a)
{
    int32_t weight = 4096, power = 0;

    for (int k = 0; k <= ORDER; k++) {
        ec->a[k] = (int16_t)((a[k] * weight + 2048) >> 12);
        power += ec->a[k] * ec->a[k] >> 8;
        weight = weight * BANDWIDTH >> 12;
    }
    ec->a_power = power >> 6;
}

void ec_adapt_predict(ec_state_t *ec)
{
    int32_t r[ORDER + 1], a[ORDER + 1] = {1 << WHITE_SHIFT};
    int scale;

    correlate(ec);
    normalise(ec, r);
    detect_tone(ec, predict(r, a), r[0]);
    set_whitening(ec, a);
    memset(&ec->now, 0, sizeof ec->now);
    ec->peak -= ec->peak >> 4;
    scale = 14 - bits((uint32_t)ec->peak);
    scale = scale < SCALE_MIN ? SCALE_MIN : scale > SCALE_MAX ? SCALE_MAX : scale;
    if (scale != ec->scale)
        rescale(ec, scale);
}
