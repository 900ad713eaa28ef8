/* 16 kHz to 8 kHz: a half-band filter, and every other sample left out.
 *
 * `in` has the last PCM_HALVE_PAST samples before the block, and then its 2 * n; `out` gets n. Nothing is kept: who calls
 * moves the last PCM_HALVE_PAST samples to the front for the next block. Passes 0-3400 Hz within 0.05 dB; what lies at
 * 4600 Hz and above, and folds onto that, is 53 dB down.
 */
#ifndef FEMTO_RESAMPLE_H
#define FEMTO_RESAMPLE_H

#include <stdint.h>

/* api */
enum { PCM_HALVE_PAST = 38 };

void pcm_halve(const int16_t *in, int16_t *out, int32_t n);
/* end api */

#endif
