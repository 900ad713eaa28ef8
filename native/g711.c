#include "g711.h"

enum {
    ULAW_BIAS = 132,            /* 33 of 14 bits: makes the segments' ends powers of two (G.711 table 2) */
    ULAW_CLIP = 32635,          /* 32767 - ULAW_BIAS */
    ALAW_INVERT = 0x55          /* even bits on the line (G.711 3.3) */
};

/* Index of the highest bit set; 0 < v. */
static int top_bit(unsigned v)
{
    int bit = 0;

    while (v >>= 1)
        bit++;
    return bit;
}

/* Negative values are complemented, not negated, as in ITU-T G.191: the intervals of both signs are mirror images. */
static uint8_t ulaw_of(int pcm)
{
    int sign = pcm < 0 ? 0x80 : 0;
    int magnitude = pcm < 0 ? ~pcm : pcm;
    int segment;

    magnitude = (magnitude > ULAW_CLIP ? ULAW_CLIP : magnitude) + ULAW_BIAS;
    segment = top_bit((unsigned)magnitude) - 7;
    return (uint8_t)~(sign | segment << 4 | (magnitude >> (segment + 3) & 15));
}

static int16_t pcm_of_ulaw(uint8_t octet)
{
    int code = ~octet;
    int magnitude = (((code & 15) << 3) + ULAW_BIAS) << (code >> 4 & 7);

    return (int16_t)(code & 0x80 ? ULAW_BIAS - magnitude : magnitude - ULAW_BIAS);
}

static uint8_t alaw_of(int pcm)
{
    int sign = pcm < 0 ? 0 : 0x80;
    int magnitude = (pcm < 0 ? ~pcm : pcm) >> 4;
    int segment = magnitude < 32 ? (magnitude >> 4) : top_bit((unsigned)magnitude) - 3;
    int step = segment < 2 ? magnitude & 15 : magnitude >> (segment - 1) & 15;

    return (uint8_t)((sign | segment << 4 | step) ^ ALAW_INVERT);
}

static int16_t pcm_of_alaw(uint8_t octet)
{
    int code = octet ^ ALAW_INVERT;
    int segment = code >> 4 & 7;
    int magnitude = ((code & 15) << 4) + 8;

    if (segment > 0)
        magnitude = (magnitude + 256) << (segment - 1);
    return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

void ulaw_encode(const int16_t *pcm, uint8_t *octets, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        octets[i] = ulaw_of(pcm[i]);
}

void ulaw_decode(const uint8_t *octets, int16_t *pcm, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        pcm[i] = pcm_of_ulaw(octets[i]);
}

void alaw_encode(const int16_t *pcm, uint8_t *octets, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        octets[i] = alaw_of(pcm[i]);
}

void alaw_decode(const uint8_t *octets, int16_t *pcm, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        pcm[i] = pcm_of_alaw(octets[i]);
}
