/* See ec.h for the use, ec_state.h for the parts. */
#include "ec.h"

#include <string.h>

#include "ec_math.h"
#include "ec_state.h"

enum {
    ALIGNMENT = 32,             /* of the coefficients: the width of AVX2 */
    DC_FAST = 6,                /* the DC removal starts with a time constant of 64 samples ... */
    DC_SLOW = 8,                /* ... and slows down to 256: 5 Hz */
    GUARD_SHIFT = 4,
    GUARD_MEMORY = 4,           /* blocks, 2 ms */
    GUARD_SPAN = 16             /* samples, 2 ms */
};

int32_t ec_size(int taps)
{
    if (taps < EC_TAPS_MIN || taps > EC_TAPS_MAX || taps % EC_TAPS_STEP)
        return 0;
    return (int32_t)sizeof(ec_state_t) + ALIGNMENT + 4 * (2 * taps) +
           2 * (3 * taps + REACH + 2 * MARGIN + 2 * PERIOD + SPARE);
}

int ec_init(void *state, int taps, unsigned flags)
{
    ec_state_t *ec = state;

    if (ec_size(taps) == 0)
        return EC_BAD_TAPS;
    memset(ec, 0, sizeof *ec);
    ec->size = ec_size(taps);
    ec->taps = taps;
    ec->log_taps = bits((uint32_t)taps - 1);
    ec->padding = (-(int32_t)(uintptr_t)ec->memory & (ALIGNMENT - 4)) >> 2;
    ec->flags = flags;
    ec_kernel(ec, EC_AUTO);
    ec_reset(ec);
    return 0;
}

int ec_kernel(void *state, int kernel)
{
    ec_state_t *ec = state;

    if (kernel == EC_AUTO)
        for (kernel = EC_DSP; !ec_kernel_runs(kernel); kernel--)
            continue;
    if (!ec_kernel_runs(kernel))
        return EC_BAD_KERNEL;
    ec->kernel = kernel;
    return kernel;
}

void ec_reset(void *state)
{
    ec_state_t *ec = state;
    size_t kept = (char *)&ec->phase - (char *)ec;

    memset((char *)ec + kept, 0, (size_t)ec->size - kept);
    ec->dc_shift = DC_FAST;
    ec_adapt_reset(ec);
    ec_nlp_reset(ec);
}

void ec_freeze(void *state, int on)
{
    ((ec_state_t *)state)->frozen = on != 0;
}

static int32_t at_most(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* What to take off a sample. */
static int16_t follow_dc(int32_t *dc, int32_t sample, int shift)
{
    *dc += (sample * 16384 - *dc) >> shift;
    return (int16_t)((*dc + 8192) >> 14);
}

static int trust_of(const ec_state_t *ec)
{
    return ec->proved && !ec->contradicted ? 0 : 2;
}

/* Sout must not be louder than Sin. The filter's error is put out only while over the last 2 ms it had less energy than
 * Sin, or a quarter more; else Sin is. A proved filter is trusted with twice as much: most likely a near talker is
 * behind it. And whatever is put out Sin must have earned: 1.25 times its energy, which is forfeited after 2 to 4 ms,
 * and of which the older part is spent first. */
static void guard(ec_state_t *ec, const int16_t *line, const int16_t *error, int16_t *sout, int n)
{
    int32_t of_sin = ec->sin_energy, of_error = ec->error_energy, trust = trust_of(ec);
    int32_t earned = ec->earned, before = ec->earned_before;

    for (int i = 0; i < n; i++) {
        int32_t sin = line[i] * line[i] >> GUARD_SHIFT;
        int32_t left = (error[i] * error[i] + (1 << GUARD_SHIFT) - 1) >> GUARD_SHIFT, owed;
        int refused;

        of_sin += sin;
        of_error += left;
        earned += sin + sin / 4;
        refused = (of_error - of_sin > of_sin >> trust) | ((uint32_t)left > (uint32_t)earned + (uint32_t)before);
        before -= refused ? sin : left;
        owed = before < 0 ? before : 0;
        earned += owed;
        before -= owed;
        sout[i] = refused ? line[i] : error[i];
    }
    ec->sin_energy = of_sin;
    ec->error_energy = of_error;
    ec->earned = earned;
    ec->earned_before = before;
}

/* The same for a block of which no sample can be refused, whatever their order; 0 when one might be. */
static int guard_nothing(ec_state_t *ec, const survey_t *block, const int16_t *error, int16_t *sout)
{
    int32_t before = ec->earned_before - block->left, owed = before < 0 ? before : 0;

    if (ec->error_energy + block->left - ec->sin_energy > ec->sin_energy >> trust_of(ec) || ec->earned + before < 0)
        return 0;
    ec->sin_energy += block->sin;
    ec->error_energy += block->left;
    ec->earned += block->earned + owed;
    ec->earned_before = before - owed;
    memcpy(sout, error, BLOCK * sizeof *sout);
    return 1;
}

static void forget_energies(ec_state_t *ec)
{
    ec->sin_energy -= ec->sin_energy / GUARD_MEMORY;
    ec->error_energy -= ec->error_energy / GUARD_MEMORY;
    if (ec->t % GUARD_SPAN == 0) {
        ec->earned_before = ec->earned;
        ec->earned = 0;
    }
}

/* The next period begins: what the windows hold of the last one becomes history. */
static void next_period(ec_state_t *ec)
{
    int16_t *history = rin_window(ec) - (ec->taps + MARGIN + REACH);

    memmove(history, history + PERIOD, sizeof *history * (size_t)(ec->taps + MARGIN + REACH));
    memmove(ec->line, ec->line + PERIOD, sizeof *ec->line * REACH);
    memmove(ec->error, ec->error + PERIOD, sizeof *ec->error * REACH);
    ec->t = 0;
    if (ec->dc_shift < DC_SLOW && ++ec->dc_periods * PERIOD >= 1 << ec->dc_shift)
        ec->dc_shift++;
}

static void end_of_period(ec_state_t *ec)
{
    ec_adapt_step(ec);
    if (!ec->frozen)
        ec_control_decide(ec);
    ec_control_figures(ec);
    if (ec->flags & EC_NLP)
        ec_nlp_period(ec);
    ec_adapt_predict(ec);
    next_period(ec);
    ec_adapt_rewhiten(ec);
}

/* All that learns, when the four samples of a block are there. Only the output of the foreground needs single ones. */
static void end_of_block(ec_state_t *ec, int32_t peak)
{
    ec->phase = 0;
    forget_energies(ec);
    ec_adapt_block(ec, peak);
    if (ec->flags & EC_NLP)
        ec_nlp_block(ec);
    ec->t += BLOCK;
    if (ec->t == PERIOD)
        end_of_period(ec);
}

/* n samples of one block, 1..4, of which the foreground's echo and error are known. */
static void finish(ec_state_t *ec, const survey_t *block, const int16_t *echo, int16_t *sout, int n)
{
    int32_t place = REACH + ec->t + ec->phase;

    if (n < BLOCK || !guard_nothing(ec, block, ec->error + place, sout))
        guard(ec, ec->line + place, ec->error + place, sout, n);
    if (ec->flags & EC_NLP)
        for (int i = 0; i < n; i++) {
            ec->echo[ec->phase + i] = echo[i];
            sout[i] = ec_nlp_output(ec, sout[i], ec->phase + i);
        }
    ec->phase += n;
    if (ec->phase == BLOCK)
        end_of_block(ec, block->peak);
}

static void remove_dc(ec_state_t *ec, const ec_kernel_t *kernel, const int16_t *rin, const int16_t *sin, int16_t *x,
                      int16_t *line, int n)
{
    int32_t rin_dc = ec->rin_dc, sin_dc = ec->sin_dc, shift = ec->dc_shift;
    int16_t of_rin[PERIOD], of_sin[PERIOD];

    for (int i = 0; i < n; i++) {
        of_rin[i] = follow_dc(&rin_dc, rin[i], shift);
        of_sin[i] = follow_dc(&sin_dc, sin[i], shift);
    }
    ec->rin_dc = rin_dc;
    ec->sin_dc = sin_dc;
    kernel->shift(x, rin, of_rin, n);
    kernel->shift(line, sin, of_sin, n);
}

/* n samples of one period, 1..32. The foreground changes between periods only: it filters them all at once. */
static void cancel(ec_state_t *ec, const int16_t *rin, const int16_t *sin, int16_t *sout, int n)
{
    const ec_kernel_t *kernel = kernel_of(ec);
    int32_t begun = ec->phase, t = ec->t + begun;
    int16_t *x = rin_window(ec) + t, *line = ec->line + REACH + t, *error = ec->error + REACH + t, echo[PERIOD];
    survey_t blocks[PERIOD / BLOCK + 1];

    remove_dc(ec, kernel, rin, sin, x, line, n);
    kernel->filter(foreground_taps(ec), x - (ec->taps - 1), ec->taps, line, n, echo, error);
    kernel->survey(x - begun, line - begun, error - begun, begun + n, blocks);
    for (int i = 0, part; i < n; i += part) {
        part = at_most(BLOCK - ec->phase, n - i);
        finish(ec, blocks + (begun + i) / BLOCK, echo + i, sout + i, part);
    }
}

void ec_process(void *state, const int16_t *rin, const int16_t *sin, int16_t *sout, int32_t n)
{
    ec_state_t *ec = state;

    while (n > 0) {
        int part = at_most(PERIOD - ec->t - ec->phase, n);

        cancel(ec, rin, sin, sout, part);
        rin += part;
        sin += part;
        sout += part;
        n -= part;
    }
}

void ec_stats(const void *state, ec_stats_t *stats)
{
    const ec_state_t *ec = state;

    stats->erl = ec->erl;
    stats->erle = ec->erle;
    stats->double_talk = ec->proved && ec->far_active && ec->mean.foreground > ec->mean.line / 8;
    stats->proved = ec->proved;
    stats->tone = ec->tone > 0;
    stats->nlp_open = !(ec->flags & EC_NLP) || ec->nlp.to >= 128;
    stats->taps = ec->taps;
    stats->kernel = ec->kernel;
}

void ec_path(const void *state, int16_t *h)
{
    const ec_state_t *ec = state;

    for (int32_t k = 0; k < ec->taps; k++)
        h[k] = foreground_taps(ec)[ec->taps - 1 - k];
}
