/* Which of the two filters makes the output, once a period of 4 ms.
 *
 * All comparisons are of energies in the whitened domain, where a vowel is not the whole of speech, and only while Rin
 * is active.
 */
#include <string.h>

#include "ec_math.h"
#include "ec_state.h"

enum {
    /* Parts in 1024. */
    PROVED = 20,                /* the foreground leaves less than 2 % */
    CHANGED = 128,              /* it adds 12 %: the path is another */
    CONTRADICTED = 100,
    USELESS = 307,
    CLOSE = 10,                 /* the background leaves less than 1 %, ... */
    EQUAL = 102,                /* ... and at most 10 % more than the foreground: the mean of both is better than either */
    BETTER = 922,
    MUCH_BETTER = 819,
    STILL_OURS = 850,

    PATIENCE = 24,              /* periods: one vowel proves nothing */
    REGRETS = 3,
    NEAR_PART = 6,              /* the foreground leaves a sixth: perhaps a near talker; ... */
    GONE_PART = 16,             /* ... a 16th: it was one */
    CODING_FLOOR = 8,           /* times half the companding noise: nothing below can be judged */
    LIMIT_MIN = 197,            /* of the step: 0.006 */
    LIMIT_COPY = 20000          /* under this limit of the step, blend rather than copy */
};

/* foreground += (background - foreground) / 2^shift */
static void blend(ec_state_t *ec, int shift)
{
    kernel_of(ec)->blend(foreground(ec), background(ec), ec->taps, shift, foreground_taps(ec));
}

static void copy(ec_state_t *ec)
{
    blend(ec, 0);
}

static void restore(ec_state_t *ec)
{
    memcpy(background(ec).even, foreground(ec).even, sizeof(int32_t) * (size_t)ec->taps);
    memset(ec->gain, 0, sizeof ec->gain);
    ec->mean.background = ec->mean.foreground;
    ec->better = ec->worse = 0;
}

static void drop(ec_state_t *ec)
{
    int32_t *h = foreground(ec).even;

    for (int32_t j = 0; j < ec->taps; j++)
        h[j] = 0x8000;
    memset(foreground_taps(ec), 0, sizeof(int16_t) * (size_t)ec->taps);
}

static void take_over(ec_state_t *ec, int blend_shift)
{
    if (ec->step_limit >= LIMIT_COPY)
        copy(ec);
    else
        blend(ec, blend_shift);
}

/* Energy under which rounding and companding decide. */
static int32_t floor_of(const ec_state_t *ec)
{
    return times4(1, ec->scale > 0 ? ec->scale : 0) + CODING_FLOOR * ec->coding_noise;
}

static int exceeds(int32_t energy, int32_t other, uint32_t by, int32_t floor)
{
    return energy > other + per_1024(other, by) + floor;
}

static void average(ec_state_t *ec)
{
    smooth(&ec->mean.background, ec->now.background, 3);
    smooth(&ec->mean.foreground, ec->now.foreground, 3);
    smooth(&ec->mean.line, ec->now.line, 3);
    smooth(&ec->recent.background, ec->now.background, 1);
    smooth(&ec->recent.foreground, ec->now.foreground, 1);
    smooth(&ec->recent.line, ec->now.line, 1);
}

static void prove(ec_state_t *ec, int32_t floor)
{
    const energies_t *mean = &ec->mean;

    if (mean->line <= floor)
        return;
    if (!ec->proved && mean->foreground < per_1024(mean->line, PROVED))
        ec->proved = 1;
    else if (ec->proved && exceeds(mean->foreground, mean->line, CHANGED, floor)) {
        ec->proved = 0;
        ec->step_limit = STEP_ONE;
        ec_nlp_path_changed(ec);
    }
}

/* When a near talker pauses and the foreground is as good as it was, then the path is the same, and all that the
 * background learnt meanwhile is his voice. */
static void forget_near_talker(ec_state_t *ec, int32_t floor)
{
    const energies_t *now = &ec->now;

    if (now->line <= floor)
        return;
    if (now->foreground > now->line / NEAR_PART)
        ec->suspect = 1;
    else if (ec->suspect && now->foreground < now->line / GONE_PART) {
        ec->suspect = 0;
        if (now->background > per_1024(now->foreground, STILL_OURS))
            restore(ec);
    }
}

static void follow_when_proved(ec_state_t *ec, int32_t floor, int background_better)
{
    const energies_t *mean = &ec->mean;

    if (mean->line > floor && mean->background < per_1024(mean->line, CLOSE) &&
        mean->background < mean->foreground + per_1024(mean->foreground, EQUAL))
        blend(ec, mean->background < mean->foreground - mean->foreground / 10 ? 2 : 3);
    if (background_better && mean->background < per_1024(mean->foreground, BETTER) &&
        mean->background < mean->line / 8)
        ec->better++;
    else
        ec->better = 0;
    if (ec->better >= PATIENCE) {
        take_over(ec, 3);
        ec->better = 0;
    }
}

static void follow_when_unproved(ec_state_t *ec, int background_better)
{
    const energies_t *now = &ec->now;

    if (background_better && (now->background < per_1024(now->line, MUCH_BETTER) ||
                              exceeds(now->foreground, now->line, USELESS, 0)))
        take_over(ec, 2);
}

/* The background went astray, or the foreground does harm. */
static void correct_failures(ec_state_t *ec, int32_t floor, int judged)
{
    const energies_t *now = &ec->now;

    ec->worse = judged && now->foreground < per_1024(now->background, MUCH_BETTER) ? ec->worse + 1 : 0;
    if (ec->worse >= REGRETS)
        restore(ec);
    if (exceeds(ec->mean.foreground, ec->mean.line, USELESS, floor) &&
        exceeds(now->foreground, now->line, USELESS, floor)) {
        if (ec->mean.background < ec->mean.line)
            copy(ec);
        else
            drop(ec);
        ec->mean.foreground = ec->mean.line;
    }
}

/* A few tones teach how to cancel themselves, and whitening hides them: what was learnt of others on the way may add to
 * Sin what no comparison of whitened energies shows. */
static void drop_if_loud(ec_state_t *ec)
{
    if (!ec->proved && exceeds(ec->error_level, ec->sin_level, USELESS, 4)) {
        drop(ec);
        ec->error_level = ec->sin_level;
    }
}

/* With a near talker from the start nothing can be proved: smaller and smaller steps find the path all the same. An
 * echo lost in companding noise cannot prove a filter either, but no talker is behind that: the steps stay large. */
static void anneal(ec_state_t *ec, int32_t floor)
{
    if (!ec->proved && ec->mean.background > ec->mean.line / 8) {
        ec->step_limit -= ec->step_limit / 32;
        if (ec->step_limit < LIMIT_MIN)
            ec->step_limit = LIMIT_MIN;
    }
    if (ec->proved || ec->mean.background < ec->mean.line / 32 || ec->mean.background < floor / 2)
        ec->step_limit += (STEP_ONE - ec->step_limit) / 16;
}

void ec_control_decide(ec_state_t *ec)
{
    int32_t floor = floor_of(ec);
    int judged = ec->now.foreground > floor || ec->now.line > floor;
    int better = judged && ec->now.background < per_1024(ec->now.foreground, BETTER);

    if (!ec->far_active)
        return;
    average(ec);
    ec->contradicted = exceeds(ec->recent.foreground, ec->recent.line, CONTRADICTED, floor);
    prove(ec, floor);
    if (ec->proved) {
        forget_near_talker(ec, floor);
        follow_when_proved(ec, floor, better);
    } else {
        follow_when_unproved(ec, better);
    }
    correct_failures(ec, floor, judged);
    drop_if_loud(ec);
    anneal(ec, floor);
}

void ec_control_figures(ec_state_t *ec)
{
    const ec_kernel_t *kernel = kernel_of(ec);
    int32_t sin = kernel->energy(ec->line + REACH, 0);

    smooth(&ec->rin_level, kernel->energy(rin_window(ec), 0), 5);
    smooth(&ec->sin_level, sin, 5);
    smooth(&ec->error_level, kernel->energy(ec->error + REACH, 0), 5);
    if (ec->far_active && sin > 4 && !(ec->proved && ec->mean.foreground > ec->mean.line / 8)) {
        ec->erle = centibels((uint32_t)ec->sin_level + 1) - centibels((uint32_t)ec->error_level + 1);
        ec->erl = centibels((uint32_t)ec->rin_level + 1) - centibels((uint32_t)ec->sin_level + 1);
    }
}
