/* The full rate codec between stdin and stdout, in buffers of exactly the sizes that gsm_fr.h asks for.
 *
 * In:  160 samples, 33 octets; again and again.
 * Out: for each, the samples encoded; these octets decoded; the 33 octets decoded, and as gsm_fr_receive plays them,
 *      NULL if they begin with 0; each with one octet of what was returned.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gsm_fr.h"

enum { PCM = GSM_FR_SAMPLES * sizeof(int16_t) };

static void *memory(size_t size)
{
    void *p = malloc(size);

    if (!p)
        exit(2);
    return p;
}

static void tell(int result, const int16_t *pcm)
{
    putchar(result & 255);
    fwrite(pcm, 1, PCM, stdout);
}

int main(void)
{
    void *state = memory((size_t)gsm_fr_size()), *other = memory((size_t)gsm_fr_size());
    int16_t *pcm = memory(PCM), *out = memory(PCM);
    uint8_t *octets = memory(GSM_FR_OCTETS), *frame = memory(GSM_FR_OCTETS);

    gsm_fr_init(state);
    gsm_fr_init(other);
    while (fread(pcm, 1, PCM, stdin) == PCM && fread(octets, 1, GSM_FR_OCTETS, stdin) == GSM_FR_OCTETS) {
        gsm_fr_encode(state, pcm, frame);
        fwrite(frame, 1, GSM_FR_OCTETS, stdout);
        tell(gsm_fr_decode(state, frame, out), out);
        tell(gsm_fr_decode(other, octets, out), out);
        tell(gsm_fr_receive(other, octets[0] ? octets : NULL, out), out);
    }
    free(state);
    free(other);
    free(pcm);
    free(out);
    free(octets);
    free(frame);
    return 0;
}
