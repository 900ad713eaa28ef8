/* The C core on a bare Cortex-M: signals from a file of the host through it and back, and the instructions it took.
 *
 * Runs on QEMU's mps2-an385 and -an386, linked with newlib's semihosting start-up (--specs=rdimon.specs). With
 * `-icount shift=10` an instruction takes 1024 ns, 25.6 counts of the board's counter.
 *
 *   vectors INPUT OUTPUT
 *   INPUT    cases: n, taps, flags (int32_t), n samples of Rin, n of Sin (int16_t)
 *   OUTPUT   for each case Sout (n int16_t), then the instructions (uint32_t) of all its blocks; after the last case the
 *            octets of both laws for all samples -32768..32767, then both laws' samples for all octets 0..255
 *
 * A case of 0 taps is for the other codecs: n, of whole GSM frames, at most 32768. Rin at half the rate ((n - 38) / 2
 * samples), its frames (33 octets each), what is decoded of them (n samples), and what is received of them when every
 * LOST_EVERYth is lost (n samples); then the instructions of all the calls of each (4 uint32_t).
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ec.h"
#include "g711.h"
#include "gsm_fr.h"
#include "resample.h"

enum {
    BLOCK = 80,                 /* samples, 10 ms */
    LONGEST = 65536,
    STATE_MOST = 20000,         /* bytes: 1024 taps */
    LOST_EVERY = 7              /* frames */
};

/* MPS2 FPGAIO (ARM DAI0385): COUNTER counts 25 MHz over PRESCALER + 1. */
#define COUNTER (*(volatile uint32_t *)0x40028018)
#define PRESCALER (*(volatile uint32_t *)0x4002801c)
#define INSTRUCTIONS(counts) ((uint32_t)((uint64_t)(counts) * 10 / 256))

extern void _start(void);

/* Stack and entry, where the processor looks for them at reset. */
__attribute__((section(".vectors"), used)) static void *const vectors[] = {(void *)0x20400000, (void *)_start};

typedef struct {
    int32_t n, taps, flags;
} case_t;

static int16_t rin[LONGEST], sin[LONGEST], sout[LONGEST];
static uint8_t octets[LONGEST];
static int64_t state[STATE_MOST / 8];

static uint32_t cancel(const case_t *c)
{
    uint32_t spent = 0;

    ec_init(state, c->taps, (unsigned)c->flags);
    for (int32_t at = 0; at < c->n; at += BLOCK) {
        int32_t n = c->n - at < BLOCK ? c->n - at : BLOCK;
        uint32_t begin = COUNTER;

        ec_process(state, rin + at, sin + at, sout + at, n);
        spent += INSTRUCTIONS(COUNTER - begin);
    }
    return spent;
}

static uint32_t since(uint32_t begin)
{
    return INSTRUCTIONS(COUNTER - begin);
}

/* The frames of Rin, into `octets`; their number. */
static int32_t encode(int32_t n, uint32_t *spent)
{
    int32_t frames = n / GSM_FR_SAMPLES;

    gsm_fr_init(state);
    for (int32_t i = 0; i < frames; i++) {
        uint32_t begin = COUNTER;

        gsm_fr_encode(state, rin + i * GSM_FR_SAMPLES, octets + i * GSM_FR_OCTETS);
        *spent += since(begin);
    }
    return frames;
}

static void decode(int32_t frames, int receive, uint32_t *spent)
{
    gsm_fr_init(state);
    for (int32_t i = 0; i < frames; i++) {
        const uint8_t *frame = octets + i * GSM_FR_OCTETS;
        int16_t *pcm = sout + i * GSM_FR_SAMPLES;
        uint32_t begin = COUNTER;

        if (receive)
            gsm_fr_receive(state, i % LOST_EVERY == LOST_EVERY - 1 ? 0 : frame, pcm);
        else
            gsm_fr_decode(state, frame, pcm);
        *spent += since(begin);
    }
}

static void code(int32_t n, FILE *output)
{
    uint32_t spent[4] = {0}, begin = COUNTER;
    int32_t halved = (n - PCM_HALVE_PAST) / 2, frames;

    pcm_halve(rin, sout, halved);
    spent[0] = since(begin);
    fwrite(sout, 2, (size_t)halved, output);
    frames = encode(n, &spent[1]);
    fwrite(octets, GSM_FR_OCTETS, (size_t)frames, output);
    for (int receive = 0; receive < 2; receive++) {
        decode(frames, receive, &spent[2 + receive]);
        fwrite(sout, 2, (size_t)n, output);
    }
    fwrite(spent, sizeof spent, 1, output);
}

static void compand(FILE *output)
{
    for (int32_t i = 0; i < LONGEST; i++)
        rin[i] = (int16_t)(i - 32768);
    ulaw_encode(rin, octets, LONGEST);
    fwrite(octets, 1, LONGEST, output);
    alaw_encode(rin, octets, LONGEST);
    fwrite(octets, 1, LONGEST, output);
    for (int i = 0; i < 256; i++)
        octets[i] = (uint8_t)i;
    ulaw_decode(octets, sout, 256);
    fwrite(sout, 2, 256, output);
    alaw_decode(octets, sout, 256);
    fwrite(sout, 2, 256, output);
}

int main(int count, char **arguments)
{
    FILE *input = count > 2 ? fopen(arguments[1], "rb") : 0, *output = count > 2 ? fopen(arguments[2], "wb") : 0;
    case_t c;

    if (!input || !output)
        return 2;
    PRESCALER = 0;
    while (fread(&c, sizeof c, 1, input) == 1) {
        uint32_t spent;

        if (c.n < 0 || c.n > LONGEST || (c.taps && (ec_size(c.taps) == 0 || ec_size(c.taps) > STATE_MOST)))
            return 2;
        if (fread(rin, 2, (size_t)c.n, input) != (size_t)c.n || fread(sin, 2, (size_t)c.n, input) != (size_t)c.n)
            return 2;
        if (c.taps == 0) {
            code(c.n, output);
            continue;
        }
        spent = cancel(&c);
        fwrite(sout, 2, (size_t)c.n, output);
        fwrite(&spent, sizeof spent, 1, output);
    }
    compand(output);
    return fclose(output) ? 1 : 0;
}
