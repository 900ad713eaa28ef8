/* The state of a full rate codec, and what its parts know of each other. Private: callers use gsm_fr.h.
 *
 *   gsm_fr.c          what both directions do: frames, log area ratios, pulses, the long-term predictor
 *   gsm_fr_encode.c   the encoder
 *   gsm_fr_decode.c   the decoder
 *   gsm_fr_receive.c  lost frames and comfort noise
 *
 * Clauses are those of EN 300 961. Its names: d is the residual of the short-term filter, dp the past of the rebuilt
 * residual, dpp its prediction, e the prediction's error, x the weighted error.
 */
#ifndef FEMTO_GSM_FR_STATE_H
#define FEMTO_GSM_FR_STATE_H

#include "gsm_fr.h"

enum {
    ORDER = 8,                  /* of the short-term filter */
    SUBFRAMES = 4,
    SUBFRAME = 40,              /* samples */
    PULSES = 13,                /* of a subframe */
    LAG_MIN = 40,
    LAG_MAX = 120,
    SEGMENTS = 4                /* of a frame, each with filter coefficients of its own */
};

/* What a frame says: octets only, in the order of the frame. */
typedef struct {
    uint8_t lag, gain, grid, xmax, pulse[PULSES];       /* Nc, bc, Mc, xmaxc, xMc */
} subframe_t;

typedef struct {
    uint8_t lar[ORDER];
    subframe_t subframe[SUBFRAMES];
} parameters_t;

typedef struct {
    int16_t z1, preemphasis;    /* 5.2.2, 5.2.3: the sample before */
    int32_t z2;                 /* 5.2.2: sof, Q15 */
    int16_t u[ORDER];           /* 5.2.10 */
    int16_t lar[ORDER];         /* LARpp of the frame before */
    int16_t dp[LAG_MAX];        /* the newest sample last */
} encoder_t;

typedef struct {
    int16_t lag;                /* nrp: the last that was valid */
    int16_t deemphasis;
    int16_t v[ORDER];           /* 5.3.4 */
    int16_t lar[ORDER];
    int16_t dp[LAG_MAX];
} decoder_t;

typedef struct {
    uint32_t random;
    int32_t noise;              /* 1: comfort noise, 0: speech */
    int32_t lost;               /* frames in a row */
    parameters_t speech;        /* the last good frame */
    uint8_t lar[ORDER], xmax[SUBFRAMES];        /* of the last valid SID */
} receiver_t;

typedef struct {
    int32_t tag;
    encoder_t encoder;
    decoder_t decoder;
    receiver_t receiver;
} gsm_fr_state_t;

/* gsm_fr.c */
extern const int16_t gsm_fr_a[ORDER], gsm_fr_b[ORDER];  /* table 5.1 */
extern const int8_t gsm_fr_mic[ORDER], gsm_fr_mac[ORDER];
extern const uint8_t gsm_fr_segment[SEGMENTS];          /* samples of each */

void gsm_fr_pack(const parameters_t *p, uint8_t *frame);
int gsm_fr_unpack(parameters_t *p, const uint8_t *frame);       /* 0, or GSM_FR_BAD_FRAME */

/* 5.2.8: the log area ratios of a frame, Q14. */
void gsm_fr_lars(const uint8_t *codes, int16_t *lar);

/* 5.2.9: the reflection coefficients of a segment between those of two frames. */
void gsm_fr_reflection(const int16_t *before, const int16_t *now, int segment, int16_t *rp);

/* Exponent and mantissa of a block amplitude, -4..6 and 0..7 (5.2.15). */
typedef struct {
    int exponent, mantissa;
} amplitude_t;

amplitude_t gsm_fr_amplitude(int xmax);

/* 5.2.12: what dp says of the next subframe. */
void gsm_fr_predict(const int16_t *dp, int lag, int gain, int16_t *dpp);

/* 5.2.16 to 5.2.18: dp goes on by a subframe, the prediction and the pulses. */
void gsm_fr_extend(int16_t *dp, const int16_t *dpp, const subframe_t *s);

/* gsm_fr_decode.c */
void gsm_fr_synthesise(decoder_t *d, const parameters_t *p, int16_t *pcm);

/* gsm_fr_receive.c */
void gsm_fr_receiver_init(receiver_t *r);

#endif
