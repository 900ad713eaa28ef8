/* The non-linear processor: a gate that opens for the near talker and is shut for what the filter leaves of the echo.
 *
 * It opens when more is left than the echo can account for, and shuts 40 ms after. Powers are half mean squares of a
 * block. There is no look-ahead: what a block shows sets the gate for the next.
 */
#include "ec_math.h"
#include "ec_state.h"

enum {
    GATE_OPEN = 256,
    HANGOVER = 80,              /* blocks, 40 ms */
    MARGIN_RESIDUAL = 12,       /* over what the echo accounts for */
    EVIDENCE = 4,               /* blocks, 2 ms, before the gate opens */
    EVIDENCE_MAX = 60,
    ONSET = 26,                 /* blocks, 13 ms after Rin begins, in which it does not open */
    EARLY = 40,                 /* blocks, 20 ms after Rin begins */
    EARLY_PART = 6,             /* 8ths of the foreground's error: if the background leaves less, it has found echo */
    LATE_PART = 4,              /* ... when it has had time to */
    FOUND_PART = 4,             /* the background explains all but a quarter of Sin, ... */
    FOUND_STEP = STEP_ONE / 4 * 3,      /* ... after no more than 9 periods of a near talker */
    PAUSE = 80,                 /* blocks, 40 ms without Rin before that */
    SILENCE = 125,              /* periods, 0.5 s without Rin: then it stands open */
    LEARNING = 75,              /* periods, 0.3 s of Rin: after that the gate no longer waits for the filter */
    RELEARNING = 38,            /* the same after a change of the path */
    AUDIBLE = 64,               /* Sin over mu-law's error: with less there is no echo to wait for the filter with */
    LEAK_START = 16384,         /* Q16: 0.25 */
    LEAK_MIN = 40,              /* -32 dB */
    LEAK_LEARNT = 3277,         /* 0.05 */
    LEAK_UNEXPLAINED = 328,     /* 0.005 */
    SHUT = 250,                 /* periods of Rin, 1 s */
    SUM_SHIFT = 4,
    COMPANDING = 132,           /* (|x| + 132)^2 / 5808: mu-law's error (G.711 table 2) */
    COMPANDING_PART = 5808,
    NOISE_WINDOW = 4,           /* periods of which the power is one sample of the noise floor, 16 ms */
    NOISE_BLOCKS = 32,          /* blocks of those */
    NOISE_SPREAD = 60,          /* 16^2 * 6 / 32: amplitude^2 of uniform noise over the sum of 32 powers, 48, ... */
                                /* ... and a quarter more, for the least of many is less than their mean */
    NOISE_MEMORY = 48,          /* windows, 0.77 s; the floor is the least of one to two memories */
    NOISE_MAX = 1 << 20,        /* half mean square: -21 dBm0 */
    NOISE_MARGIN = 2,           /* a window counts when it has 2^2 times what the echo leaves */
    NOISE_RISE = 5,             /* the floor rises by 2^-5 a window at most, 8 dB/s, ... */
    NOISE_LEAST = 64            /* ... and from silence up by steps of 2 rms */
};

void ec_nlp_reset(ec_state_t *ec)
{
    ec->nlp.leak = ec->nlp.gain = LEAK_START;
    ec->nlp.learning = LEARNING;
    ec->nlp.onset = ONSET;
    ec->comfort.random = 1;
    ec->comfort.lowest = ec->comfort.lowest_before = INT32_MAX;
}

void ec_nlp_path_changed(ec_state_t *ec)
{
    ec->nlp.learning = RELEARNING;
    ec->nlp.hold = 0;
}

static int32_t block_power(const int16_t *v)
{
    uint32_t sum = ((uint32_t)(v[0] * v[0]) + (uint32_t)(v[1] * v[1])) >> 3;

    return (int32_t)(sum + (((uint32_t)(v[2] * v[2]) + (uint32_t)(v[3] * v[3])) >> 3));
}

/* The same of what the foreground left, above some 40 Hz: a codec's error has a mean of its own, which jumps with the
 * level, and the removal of DC draws a tail of each jump into the pauses. */
static int32_t residual_power(nlp_t *nlp, const int16_t *error)
{
    int16_t rest[BLOCK];
    int32_t mean = nlp->mean_error >> 8;

    for (int i = 0; i < BLOCK; i++)
        rest[i] = saturate(error[i] - mean);
    nlp->mean_error += ((error[0] + error[1] + error[2] + error[3]) * 64 - nlp->mean_error) / 8;
    return block_power(rest);
}

static int32_t coding_power(const int16_t *line)
{
    int16_t size[BLOCK];

    for (int i = 0; i < BLOCK; i++)
        size[i] = saturate(magnitude(line[i]) + COMPANDING);
    return block_power(size) / COMPANDING_PART;
}

static int32_t held(int32_t peak, int32_t v, int decay)
{
    return (int32_t)larger((uint32_t)v, (uint32_t)(peak - (peak >> decay)));
}

typedef struct {
    int32_t rin, line, echo, residual, coding;
} powers_t;

static void follow(nlp_t *nlp, const powers_t *p)
{
    int32_t echo = (int32_t)part((uint32_t)p->rin, (uint32_t)nlp->gain);    /* Rin is loud before its echo is */

    nlp->coding = held(nlp->coding, p->coding, 3);
    nlp->echo = held(nlp->echo, p->echo > echo ? p->echo : echo, 4);
    nlp->rin_max = held(nlp->rin_max, p->rin, 8);
    nlp->residual = (nlp->residual + p->residual) / 2;
    nlp->line = (nlp->line + p->line) / 2;
    nlp->sum_residual += p->residual >> SUM_SHIFT;
    nlp->sum_echo += p->echo >> SUM_SHIFT;
    nlp->sum_rin += p->rin >> SUM_SHIFT;
    nlp->sum_coding += p->coding >> SUM_SHIFT;
    nlp->sum_noise += p->residual < NOISE_MAX ? p->residual : NOISE_MAX;
}

static void follow_onset(nlp_t *nlp, int32_t rin)
{
    nlp->onset++;
    nlp->pause++;
    if (rin > nlp->rin_max / 64) {
        if (nlp->pause > PAUSE)
            nlp->onset = 0;
        nlp->pause = 0;
    }
}

static void weigh(nlp_t *nlp, int speaks, const powers_t *p)
{
    if (speaks) {
        nlp->evidence++;
        nlp->evidence_residual += p->residual >> 6;
        nlp->evidence_line += p->line >> 6;
    }
    if (!speaks || nlp->evidence > EVIDENCE_MAX) {
        nlp->evidence /= 2;
        nlp->evidence_residual /= 2;
        nlp->evidence_line /= 2;
    }
}

/* A near talker leaves less than there was on the line, a changed path more. */
static int near_talker(const nlp_t *nlp)
{
    return nlp->evidence >= EVIDENCE && nlp->evidence_residual < nlp->evidence_line + nlp->evidence_line / 2 &&
           nlp->onset >= ONSET;
}

/* The background learns a changed path within some periods, a near talker never: what it can explain is echo. And while
 * it explains most of Sin before the filter is proved, it is finding the path of a stronger echo, unless
 * that takes long enough to anneal its step. */
static int echo_of_changed_path(const ec_state_t *ec)
{
    int32_t part = ec->nlp.onset < EARLY ? EARLY_PART : LATE_PART;

    return ec->far_active && (ec->recent.background < ec->recent.foreground / 8 * part ||
                              (!ec->proved && ec->step_limit > FOUND_STEP &&
                               ec->mean.background < ec->mean.line / FOUND_PART));
}

/* What may be left without a near talker, on the mean of a block. Noise that comfort noise stands for need not pass. */
static int32_t expected_residual(const ec_state_t *ec)
{
    int32_t noise = ec->flags & EC_COMFORT_NOISE ? ec->comfort.floor / NOISE_BLOCKS / 2 : 0;

    return ec->nlp.coding + (int32_t)part((uint32_t)ec->nlp.echo, (uint32_t)ec->nlp.leak) + noise + 2;
}

static int opens(ec_state_t *ec, const powers_t *p)
{
    nlp_t *nlp = &ec->nlp;
    int32_t expected = expected_residual(ec);
    int speaks = nlp->residual / MARGIN_RESIDUAL > expected && nlp->residual / 8 < nlp->line;

    weigh(nlp, speaks, p);
    if (nlp->silence > SILENCE)
        return 1;
    if (nlp->learning && nlp->rin_max > 16)
        return nlp->line / 2 > nlp->rin_max;    /* louder than any echo can be */
    if (ec->contradicted) {
        nlp->hold = 0;
        return 0;
    }
    return speaks && !echo_of_changed_path(ec) && (nlp->hold || near_talker(nlp));
}

static void move_gate(ec_state_t *ec)
{
    nlp_t *nlp = &ec->nlp;

    nlp->from = nlp->to;
    if (nlp->hold)
        nlp->to = GATE_OPEN;
    else if (nlp->learning)
        nlp->to = 0;
    else if (ec->contradicted)
        nlp->to /= 2;
    else
        nlp->to -= (nlp->to + 15) / 16;
}

/* A steady near talker from the first moment on would teach the gate that he is echo. Of a steady sound that stayed
 * muted for long though the background cannot reduce it either, only a small part is taken for echo. */
static int muted_too_long(ec_state_t *ec)
{
    nlp_t *nlp = &ec->nlp;

    smooth(&nlp->residual_recent, nlp->sum_residual, 3);
    smooth(&nlp->residual_mean, nlp->sum_residual, 6);
    if (ec->proved || nlp->residual_recent > nlp->residual_mean * 2 || nlp->residual_recent < nlp->residual_mean / 2)
        nlp->shut = 0;
    else if (nlp->shut > SHUT)
        return 1;
    else if (nlp->learning || ec->recent.background < ec->recent.foreground / 4 * 3)
        nlp->shut -= nlp->shut > 0;
    else if (!nlp->hold && nlp->leak > LEAK_UNEXPLAINED)
        nlp->shut++;
    return 0;
}

/* Residual over echo: falls readily, rises slowly and only while the gate is shut, lest a near talker teach it. */
static void learn_leak(ec_state_t *ec)
{
    nlp_t *nlp = &ec->nlp;
    int32_t residual = nlp->sum_residual > nlp->sum_coding ? nlp->sum_residual - nlp->sum_coding : 0;
    int32_t leak = (int32_t)ratio((uint32_t)residual, (uint32_t)nlp->sum_echo + 1), change;
    int loud = nlp->sum_echo > nlp->mean_echo / 2 && nlp->sum_echo / 2 > nlp->sum_coding;

    smooth(&nlp->mean_echo, nlp->sum_echo, 4);
    change = (leak - nlp->leak) / 16;
    if (change > nlp->leak / 32 + 1)
        change = nlp->leak / 32 + 1;
    if (muted_too_long(ec) && nlp->leak > LEAK_UNEXPLAINED)
        change = (LEAK_UNEXPLAINED - nlp->leak) / 16;
    else if (!loud || (change > 0 && nlp->hold))
        change = 0;
    nlp->leak += change;
    if (nlp->leak < LEAK_MIN)
        nlp->leak = LEAK_MIN;
    if (nlp->sum_echo > 64)
        smooth(&nlp->gain, (int32_t)ratio((uint32_t)nlp->sum_echo, (uint32_t)nlp->sum_rin + 1), 4);
}

static void count_learning(ec_state_t *ec)
{
    nlp_t *nlp = &ec->nlp;

    if (--nlp->learning == 0 || (ec->proved && ec->mean.foreground < ec->mean.line / 32)) {
        nlp->learning = 0;
        if (nlp->leak > LEAK_LEARNT)
            nlp->leak = LEAK_LEARNT;
    }
}

/* Falls at once, rises slowly: a key tone or a long vowel is no noise, and is over before it has raised the floor. */
static void move_floor(comfort_t *noise, int32_t lowest)
{
    int32_t most = noise->floor + (noise->floor >> NOISE_RISE) + NOISE_LEAST;

    noise->floor = lowest < most ? lowest : most;
    noise->amplitude = (int32_t)square_root((uint32_t)noise->floor * NOISE_SPREAD);
}

/* What the echo may leave is no noise of the near end. A window full of it shows how loud the noise is at most, but not
 * that it has risen: it can lower the floor, but forget no part of it. */
static void learn_noise(ec_state_t *ec)
{
    comfort_t *noise = &ec->comfort;

    noise->power += ec->nlp.sum_noise;
    noise->masked += ec->nlp.sum_coding + (int32_t)part((uint32_t)ec->nlp.sum_echo, (uint32_t)ec->nlp.leak);
    if (++noise->periods < NOISE_WINDOW)
        return;
    if (noise->power < noise->lowest)
        noise->lowest = noise->power;
    if (noise->power >> (SUM_SHIFT + 2 + NOISE_MARGIN) >= noise->masked && ++noise->windows == NOISE_MEMORY) {
        noise->lowest_before = noise->lowest;
        noise->lowest = INT32_MAX;
        noise->windows = 0;
    }
    noise->periods = noise->power = noise->masked = 0;
    move_floor(noise, noise->lowest < noise->lowest_before ? noise->lowest : noise->lowest_before);
}

void ec_nlp_period(ec_state_t *ec)
{
    nlp_t *nlp = &ec->nlp;
    int far = ec->far_active && nlp->sum_rin > 64;

    if (far) {
        learn_leak(ec);
        if (nlp->learning && nlp->line / AUDIBLE > nlp->coding)
            count_learning(ec);
    }
    if (!far || !nlp->learning)
        learn_noise(ec);
    nlp->silence = far ? 0 : nlp->silence + 1;
    nlp->sum_residual = nlp->sum_echo = nlp->sum_rin = nlp->sum_coding = nlp->sum_noise = 0;
}

void ec_nlp_block(ec_state_t *ec)
{
    const int16_t *line = ec->line + REACH + ec->t;
    powers_t p = {block_power(rin_window(ec) + ec->t), block_power(line), block_power(ec->echo),
                  residual_power(&ec->nlp, ec->error + REACH + ec->t), coding_power(line)};

    follow(&ec->nlp, &p);
    follow_onset(&ec->nlp, p.rin);
    if (opens(ec, &p))
        ec->nlp.hold = HANGOVER;
    else if (ec->nlp.hold)
        ec->nlp.hold--;
    move_gate(ec);
}

/* Uniform noise between -amplitude and amplitude, in Q8. */
static int32_t comfort_noise(comfort_t *noise)
{
    noise->random = noise->random * 1664525u + 1013904223u;
    return (int16_t)(noise->random >> 16) * noise->amplitude >> 11;
}

int16_t ec_nlp_output(ec_state_t *ec, int32_t error, int i)
{
    int32_t gate = ec->nlp.from + (ec->nlp.to - ec->nlp.from) * (i + 1) / BLOCK, out = error * gate;

    if (ec->flags & EC_COMFORT_NOISE)
        out += comfort_noise(&ec->comfort) * (GATE_OPEN - gate) >> 8;
    return saturate((out + GATE_OPEN / 2) >> 8);
}
