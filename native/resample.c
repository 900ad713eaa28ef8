#include "resample.h"

enum { PAIRS = 10, MIDDLE = 8192, SHIFT = 14 };

/* Q14, of the samples at distance 1, 3 .. 19 on both sides: half of scipy.signal.remez(20, [0, 6800], [1], fs=16000).
 * The sum of all magnitudes times 32768 stays below 2**31. */
static const int16_t PAIR[PAIRS] = {5190, -1663, 921, -583, 383, -252, 162, -99, 56, -35};

static int16_t saturated(int32_t value)
{
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

void pcm_halve(const int16_t *in, int16_t *out, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int16_t *middle = in + 2 * i + PCM_HALVE_PAST / 2 + 1;
        int32_t sum = MIDDLE * middle[0] + (1 << (SHIFT - 1));

        for (int j = 0; j < PAIRS; j++)
            sum += PAIR[j] * (middle[-1 - 2 * j] + middle[1 + 2 * j]);
        out[i] = saturated(sum >> SHIFT);
    }
}
