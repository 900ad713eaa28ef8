/* Line echo canceller, integer only, 8 kHz, 16-bit linear PCM.
 *
 * Where it stands, in the words of ITU-T G.168:
 *
 *                         +-------------------------+
 *     near end            |     echo canceller      |            far end
 *                Sin      |                         |      Sout
 *      +-----------o----->|----->( + )--->[ NLP ]-->|------>o
 *      |                  |      - ^                |
 *   +------+              |        | echo estimate  |
 *   |hybrid|<-- Sgen      |   +----+----+           |
 *   +------+              |   | adaptive|           |
 *      ^                  |   | filter  |<--+       |
 *      |          Rout    |   +---------+   |       |       Rin
 *      +-----------o<-----|-----------------+-------|<------o
 *                         +-------------------------+
 *
 * Rout is Rin, untouched. The filter learns the path Rout -> hybrid -> Sin, at most `taps` samples long, and
 * subtracts its estimate of the echo. Sin keeps Sgen, the voice of the near talker.
 *
 * Memory   The caller owns the state: ec_size() bytes, aligned to 8 or more. It holds no pointers and begins with its
 *          own size in bytes (int32_t). Nothing is allocated, there are no globals, and separate states may run in
 *          separate threads.
 * Units    Samples are int16_t, full scale 32767; levels of figures are in 1/100 dB.
 * Levels   Any. Sout is Sin less the echo and less its DC (a high-pass of 5 Hz), limited to +-32767, and hardly ever
 *          louder than Sin, however wrong the filter is. Echo must lie within the taps: bulk delay is the caller's.
 * Learning Rin teaches the filter while it is active. A near talker, a tone or noise does not undo what was learnt; a
 *          changed path is noticed within some 20 ms and learnt in 0.2 s. A path of 128 taps is cancelled by 20 dB
 *          after 0.13 s of speech-like sound.
 * Order    ec_init, then ec_process for every block. How a signal is cut into blocks, the kernel, the compiler and
 *          the machine do not change a bit of the output. No delay is added.
 * Errors   Only ec_init and ec_kernel can fail. All other calls need an initialised state.
 */
#ifndef FEMTO_EC_H
#define FEMTO_EC_H

#include <stdint.h>

/* api */
enum {
    EC_TAPS_MIN = 16,           /* 2 ms */
    EC_TAPS_MAX = 1024,         /* 128 ms */
    EC_TAPS_STEP = 16,
    EC_PATH_ONE = 8192,         /* what a coefficient of 1.0 is in ec_path() */

    EC_NLP = 1,                 /* flags: mute the residual echo while only the far end talks */
    EC_COMFORT_NOISE = 2,       /* ... and fill the muted time with noise as loud as the near end's own */

    EC_AUTO = 0,                /* kernels: the fastest of this machine */
    EC_SCALAR = 1,
    EC_SSE2 = 2,
    EC_AVX2 = 3,
    EC_DSP = 4,                 /* Cortex-M4, M7, M33 */

    EC_BAD_TAPS = -1,
    EC_BAD_KERNEL = -2
};

/* What the canceller knows of itself. Figures in 1/100 dB hold their last value while the far end is silent. */
typedef struct {
    int32_t erl;                /* echo return loss, Rin over the echo in Sin */
    int32_t erle;               /* echo return loss enhancement, Sin over what is left after subtraction, before the NLP */
    int32_t double_talk;        /* 1: the near end talks over the far end */
    int32_t proved;             /* 1: the filter is known to cancel; 0 after reset or a change of the path */
    int32_t tone;               /* 1: Rin is a tone or two, from which no path can be learnt: adaptation rests */
    int32_t nlp_open;           /* 1: the NLP lets Sin through, or is off */
    int32_t taps;
    int32_t kernel;             /* EC_SCALAR .. EC_DSP */
} ec_stats_t;

/* Bytes of state for `taps` taps, EC_TAPS_MIN..EC_TAPS_MAX in steps of EC_TAPS_STEP; 0 for any other number. */
int32_t ec_size(int taps);

/* Make a state out of ec_size(taps) bytes of memory; nothing learnt, kernel EC_AUTO. 0, or EC_BAD_TAPS. */
int ec_init(void *state, int taps, unsigned flags);

/* Choose the kernel; the learnt path stays. Returns the one in use, EC_BAD_KERNEL if this machine cannot run it. */
int ec_kernel(void *state, int kernel);

/* Forget the path and all signal history; taps, flags, kernel and freeze stay. */
void ec_reset(void *state);

/* Stop learning while `on` is not 0; cancelling goes on. */
void ec_freeze(void *state, int on);

/* Cancel a block of n >= 0 samples. sout may be sin, but not overlap it otherwise. */
void ec_process(void *state, const int16_t *rin, const int16_t *sin, int16_t *sout, int32_t n);

void ec_stats(const void *state, ec_stats_t *stats);

/* The learnt impulse response of the echo path, `taps` values in units of 1 / EC_PATH_ONE; h[0] is no delay. */
void ec_path(const void *state, int16_t *h);
/* end api */

#endif
