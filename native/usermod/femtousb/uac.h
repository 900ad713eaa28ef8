/* The streaming of a sound card: a class driver of USB Audio 1.0 (UAC1) for TinyUSB, behind board.usb_audio.
 *
 *      PC == isochronous OUT ==> playback FIFO ==> uac_read    (the line hears it)
 *      PC <== isochronous IN === capture FIFO  <== uac_write   (the line speaks)
 *
 * What there is to own is read out of the configuration descriptor when the PC chooses it: the feature unit behind what
 * the PC plays, and at most one streaming interface each way with up to UAC_ALTERNATES settings. Setting 0 is silence; a
 * setting with an endpoint moves one packet a frame of 1 ms, of the endpoint's wMaxPacketSize.
 *
 * Packets are moved in the controller's interrupt: in the time of a canceller's block or of a garbage collection many
 * frames go by. There is one device controller, and so one state, in this file.
 */
#ifndef UAC_H
#define UAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef NO_QSTR /* MicroPython's search for names preprocesses every source, and does not know the stack's folders */
#include "tusb.h"
#include "device/dcd.h"
#include "device/usbd_pvt.h"
#endif

enum {
    UAC_ALTERNATES = 4,         /* settings of an interface, 0 included */
    UAC_FIFO = 2048,            /* octets, a power of two: 128 ms at 8 kHz, 64 ms at 16 kHz */
    UAC_CUSHION = 320,          /* octets in the capture FIFO with which it begins, and begins anew after a gap */
    UAC_LARGEST = 64            /* octets of a packet */
};

extern const usbd_class_driver_t uac_driver;

/* Present setting of a streaming interface; 0 for any other. */
uint8_t uac_alternate(unsigned interface);

/* Octets taken from the playback FIFO, whole samples, at most n. */
size_t uac_read(uint8_t *out, size_t n);

/* Octets that the capture FIFO took, whole samples; 0 while nobody records. */
size_t uac_write(const uint8_t *in, size_t n);

/* Octets that uac_write would take. */
size_t uac_space(void);

/* What the PC has set for what it plays; volume in 1/256 dB, -48 dB to 0. */
bool uac_mute(void);
int uac_volume(void);

/* Frames without a sample to send, and octets received without room. */
uint32_t uac_gaps(void);

/* -- the controller: uac_rp2.c --------------------------------------------------------------------------------- */

/* Let `poll` be called in every interrupt of the controller, after the stack's own part of it. */
void uac_controller_start(void (*poll)(void));

/* Octets of the packet that has ended on an endpoint; -1 while it has not. */
int uac_controller_done(uint8_t endpoint);

#endif
