/* Companding of ITU-T G.711: 16-bit linear PCM to 8-bit mu-law or A-law and back.
 *
 * Linear samples are left-justified: mu-law's 14 bits and A-law's 13 stand at the top of 16, so the largest values
 * are +-32124 (mu-law) and +-32256 (A-law). Octets are as on the line: mu-law complemented, A-law with its even
 * bits inverted. Encoding takes the interval a sample lies in. pcm and octets have n elements each.
 */
#ifndef FEMTO_G711_H
#define FEMTO_G711_H

#include <stdint.h>

/* api */
void ulaw_encode(const int16_t *pcm, uint8_t *octets, int32_t n);
void ulaw_decode(const uint8_t *octets, int16_t *pcm, int32_t n);
void alaw_encode(const int16_t *pcm, uint8_t *octets, int32_t n);
void alaw_decode(const uint8_t *octets, int16_t *pcm, int32_t n);
/* end api */

#endif
