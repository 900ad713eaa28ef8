/* The state of an echo canceller, and what its parts know of each other. Private: callers use ec.h.
 *
 *   ec.c          the interface, and the way of the signals through one block
 *   ec_adapt.c    the background filter: whitening, step size, gains
 *   ec_control.c  which filter is better, is Rin a tone, has the path changed
 *   ec_nlp.c      the suppressor of residual echo, and comfort noise
 *   ec_kernel_*.c the long loops
 *
 * Two filters learn one path. The background adapts, on signals whitened by a linear prediction of Rin. The foreground
 * makes the output and takes over from the background only what has proved to be better, so that a near talker or a
 * tone can spoil the background alone.
 */
#ifndef FEMTO_EC_STATE_H
#define FEMTO_EC_STATE_H

#include "ec.h"
#include "ec_kernel.h"

enum {
    REACH = 8,                  /* samples before the first of a period that whitening may read */
    MARGIN = 16,                /* whitened samples kept before the window */
    SPARE = 8,                  /* samples after a period that a kernel may read, whatever they are */
    STEP_ONE = 32768            /* step size 1 */
};

/* Energies of a period or their means, in the whitened domain: units of ENERGY_SHIFT times 4^scale. */
typedef struct {
    int32_t background, foreground, line;       /* errors of the two filters; Sin */
} energies_t;

typedef struct {
    int32_t coding, echo, residual, line, rin_max;      /* half mean squares of a block, smoothed or held */
    int32_t leak, gain;         /* Q16: residual over echo, echo over Rin */
    int32_t learning;           /* periods of far speech the gate may still stay shut for; 0 when the filter is proved */
    int32_t evidence, evidence_residual, evidence_line; /* blocks that speak for a near talker, and their energies */
    int32_t onset, pause;       /* blocks since Rin began, blocks since it fell silent */
    int32_t silence;            /* periods without Rin */
    int32_t shut;               /* periods of Rin in which the gate muted what the background cannot reduce */
    int32_t hold;               /* blocks the gate stays open */
    int32_t from, to;           /* gate at the start and the end of the block that comes next, 0..256 */
    int32_t sum_residual, sum_echo, sum_rin, sum_coding, sum_noise;     /* of the period */
    int32_t mean_echo;
    int32_t residual_recent, residual_mean;     /* sums of a period, smoothed over 32 and 256 ms */
    int32_t mean_error;         /* Q8, of 4 ms */
} nlp_t;

typedef struct {
    uint32_t random;
    int32_t amplitude;          /* of the uniform noise, Q4 */
    int32_t power, masked;      /* of the residual in this window, and of what the echo may have left in it */
    int32_t windows, periods, lowest, lowest_before, floor;
} comfort_t;

typedef struct {
    int32_t size, taps, log_taps, kernel;
    int32_t padding;            /* words before the first plane, which align it */
    uint32_t flags;
    int32_t frozen;
    int32_t phase;              /* samples of the block that are there, 0..3 */
    int32_t t;                  /* start of the block in the period, 0..28 */
    int32_t rin_dc, sin_dc;     /* Q14 */
    int32_t dc_shift, dc_periods;

    int32_t scale;              /* whitened samples are 2^scale times as large, -1..5 */
    int32_t sin_energy, error_energy;   /* of the last 2 ms: sum of squares / 16 */
    int32_t earned, earned_before;      /* energy that Sout may still have, from this 2 ms of Sin and the 2 before */

    int32_t peak;               /* bits of |Rin| and |Sin| of a block, all together, decaying */
    int16_t a[8];               /* whitening filter, Q11: 1, ORDER coefficients, zeros */
    int32_t a_power;            /* sum of their squares, Q8 */
    int32_t correlation[ORDER + 1];     /* of Rin, with a memory of 85 ms */

    int32_t lag[BLOCK];         /* correlation of the whitened window with itself, >> log_taps */
    int16_t gain[BLOCK];        /* of the block before, not applied yet */
    int32_t carry;              /* what was rounded off the last gain */
    int32_t step, step_limit;   /* Q15 */
    int32_t error_power;        /* of the background, recent */
    int32_t coding_noise;       /* companding noise of Sin as the background sees it */
    int32_t line_noise;         /* other noise of Sin, learnt while Rin is silent */
    int32_t far_max, far_active;
    int32_t tone;               /* periods for which Rin still counts as a tone */

    energies_t now, mean, recent;       /* of the period, of about 8 periods, of 2 */
    int32_t better, worse;      /* periods in a row in which the background was */
    int32_t suspect;            /* the foreground left much: a near talker, or a change of the path */
    int32_t proved, contradicted;       /* `contradicted`: the foreground adds more than it takes away */
    int32_t rin_level, sin_level, error_level, erl, erle;

    nlp_t nlp;
    comfort_t comfort;

    int16_t line[REACH + PERIOD + BLOCK];       /* Sin without DC */
    int16_t error[REACH + PERIOD + BLOCK];      /* what the foreground left of it */
    int16_t echo[BLOCK];        /* of the foreground */
    int32_t memory[];           /* see the functions below */
} ec_state_t;

/* The memory behind the state: four planes of taps / 2 coefficients, the foreground's top halves in order, and the
 * windows of Rin and of whitened Rin. A window's place 0 is the first sample of the period. */
static inline planes_t background(ec_state_t *ec)
{
    int32_t *plane = ec->memory + ec->padding;

    return (planes_t){plane, plane + ec->taps / 2};
}

static inline planes_t foreground(ec_state_t *ec)
{
    int32_t *plane = ec->memory + ec->padding + ec->taps;

    return (planes_t){plane, plane + ec->taps / 2};
}

static inline int16_t *foreground_taps(const ec_state_t *ec)
{
    return (int16_t *)(ec->memory + ec->padding + 2 * ec->taps);
}

static inline int16_t *rin_window(ec_state_t *ec)
{
    return foreground_taps(ec) + ec->taps + REACH + MARGIN + ec->taps;
}

static inline int16_t *white_window(ec_state_t *ec)
{
    return rin_window(ec) + PERIOD + SPARE + MARGIN + ec->taps;
}

static inline const ec_kernel_t *kernel_of(const ec_state_t *ec)
{
    return ec_kernels[ec->kernel];
}

/* ec_adapt.c */
void ec_adapt_reset(ec_state_t *ec);
void ec_adapt_block(ec_state_t *ec, int32_t peak);  /* one pass of the background over the block that is complete */
void ec_adapt_step(ec_state_t *ec);             /* the step size, once a period */
void ec_adapt_predict(ec_state_t *ec);          /* a new whitening filter and scale, once a period */
void ec_adapt_rewhiten(ec_state_t *ec);         /* the whole window anew */

/* ec_control.c */
void ec_control_decide(ec_state_t *ec);
void ec_control_figures(ec_state_t *ec);

/* ec_nlp.c */
void ec_nlp_reset(ec_state_t *ec);
void ec_nlp_block(ec_state_t *ec);              /* set the gate for the next block */
void ec_nlp_period(ec_state_t *ec);             /* learn how much echo the foreground leaves, and the noise */
void ec_nlp_path_changed(ec_state_t *ec);
int16_t ec_nlp_output(ec_state_t *ec, int32_t error, int i);

#endif
