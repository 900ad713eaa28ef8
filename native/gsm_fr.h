/* GSM full rate speech codec, RPE-LTP at 13 kbit/s: ETSI EN 300 961 (GSM 06.10), integer only, 8 kHz.
 *
 * 20 ms of speech, 160 samples, become one frame of 33 octets and the other way round. The frame is that of RTP
 * payload type 3 (RFC 3551 4.5.8) and of a GSM traffic channel:
 *
 *      octet   bit 7                   bit 0
 *      0       1 1 0 1|LARc1 . . .             signature; 6 bits of log area ratio, the most significant first
 *      1       . .|LARc2 . . . . .             6 bits
 *      2       LARc3 . . . .|LARc4 . .         5, 5
 *      3       . .|LARc5 . . .|LARc6 .         4, 4
 *      4       . .|LARc7 . .|LARc8 . .         3, 3
 *      5       Nc . . . . . .|bc               7: lag of the long-term predictor, 40..120 samples
 *      6       .|Mc .|xmaxc . . . .            2: its gain, 0.1 0.35 0.65 1; 2: grid position; 6: amplitude
 *      7       .|xMc0 . .|xMc1 . .|xMc2        3 each: pulses of -7 -5 -3 -1 1 3 5 7 8ths of the amplitude,
 *      8       . .|xMc3 . .|xMc4 . .           which are the samples Mc, Mc + 3 ... Mc + 36
 *      9       xMc5 . .|xMc6 . .|xMc7 .
 *      10      .|xMc8 . .|xMc9 . .|xMc10
 *      11      . .|xMc11 . .|xMc12 . .
 *      12..18, 19..25, 26..32                  the other three subframes, each as octets 5..11: 40 samples, 5 ms
 *
 * Samples  int16_t, 13 bits left-justified: the encoder ignores the 3 lowest bits, the decoder leaves them 0. Any level.
 * Bits     Encoder and decoder are bit-exact to the standard (clause 5). Compiler and machine do not change a bit.
 *          Not there: the homing frames of its later versions.
 * State    One serves both directions of one call, which do not know of each other. The caller owns its gsm_fr_size()
 *          bytes, aligned to 4 or more. It holds no pointers and begins with GSM_FR_STATE (int32_t). Nothing is
 *          allocated, there are no globals, and separate states may run in separate threads. A call takes up to 1 KB
 *          of stack.
 * Delay    The encoder needs a whole frame; its filters look back only.
 * Receiver There are two ways into the decoder. gsm_fr_decode is the standard's decoder and nothing else.
 *          gsm_fr_receive is for frames that come over the air or by packets: it takes one frame each 20 ms, or none
 *          when none came or it was bad (BFI), and always has something to play (receive DTX handler of GSM 06.31):
 *          - for a lost frame the last good one again, then ever weaker, and silence after at most 320 ms (GSM 06.11);
 *          - after a silence descriptor (SID) comfort noise of its spectrum and level (GSM 06.12) until speech comes,
 *            fading when no other SID came in 0.96 s, twice the time in which one is due.
 *          The two may be mixed, but only gsm_fr_receive remembers frames to repeat. The encoder sends speech only.
 * Errors   Octets that do not begin with the signature are no frame: gsm_fr_decode refuses them, gsm_fr_receive takes
 *          them for a lost one. All other octets are valid. Calls need a state that gsm_fr_init has made.
 */
#ifndef FEMTO_GSM_FR_H
#define FEMTO_GSM_FR_H

#include <stdint.h>

/* api */
enum {
    GSM_FR_SAMPLES = 160,
    GSM_FR_OCTETS = 33,
    GSM_FR_STATE = -610,        /* what a state begins with */

    GSM_FR_BAD_FRAME = -1,

    GSM_FR_LOST = 0,            /* what gsm_fr_receive got: nothing, or nothing of use */
    GSM_FR_SPEECH = 1,
    GSM_FR_SID = 2              /* a silence descriptor, its parameters valid or not */
};

/* Bytes of state. */
int32_t gsm_fr_size(void);

/* Make a state out of gsm_fr_size() bytes of memory, or forget all that a state has heard. */
void gsm_fr_init(void *state);

/* 160 samples to 33 octets. */
void gsm_fr_encode(void *state, const int16_t *pcm, uint8_t *frame);

/* 33 octets to 160 samples. 0, or GSM_FR_BAD_FRAME: no signature; then state and pcm are as before. */
int gsm_fr_decode(void *state, const uint8_t *frame, int16_t *pcm);

/* 33 octets or NULL to 160 samples, whatever came. Returns GSM_FR_LOST, GSM_FR_SPEECH or GSM_FR_SID. */
int gsm_fr_receive(void *state, const uint8_t *frame, int16_t *pcm);
/* end api */

#endif
