#include "uac.h"

#include <string.h>

enum { NONE = 0xff };                               /* no interface, no unit */
enum { AUDIO = 1, CONTROL = 1, STREAMING = 2 };     /* UAC1 A.1, A.2 */
enum { CS_INTERFACE = 0x24 };                       /* UAC1 A.4 */
enum { INPUT_TERMINAL = 2, FEATURE_UNIT = 6 };      /* UAC1 A.5 */
enum { USB_STREAMING = 0x0101 };                    /* USB Terminal Types 2.1 */
enum { SET_CUR = 0x01, GET_CUR = 0x81, GET_MIN, GET_MAX, GET_RES }; /* UAC1 A.9 */
enum { MUTE = 1, VOLUME = 2 };                      /* UAC1 A.10.2 */
enum { VOLUME_MIN = -48 * 256, VOLUME_MAX = 0, VOLUME_RES = 256 };  /* 1/256 dB */

typedef struct {
    uint8_t data[UAC_FIFO];
    volatile uint16_t in, out;  /* free-running: one side writes each */
} fifo_t;

typedef struct {
    uint8_t interface, alternate;
    bool armed;                 /* a packet is with the controller */
    bool filling;               /* capture: the cushion is not there yet */
    fifo_t fifo;
    tusb_desc_endpoint_t endpoints[UAC_ALTERNATES]; /* address 0: the setting has none */
    bool known[UAC_ALTERNATES];
    CFG_TUSB_MEM_ALIGN uint8_t packet[UAC_LARGEST];
} stream_t;

static stream_t capture, playback;
static uint8_t control_interface, unit;
static uint8_t mute;
static int16_t volume;
static uint32_t gaps;
static uint8_t answer[2];       /* of a request to the feature unit, or its argument */

/* -- FIFO ------------------------------------------------------------------------------------------------------ */

static uint16_t fifo_level(const fifo_t *f)
{
    return (uint16_t)(f->in - f->out);
}

static size_t fifo_put(fifo_t *f, const uint8_t *data, size_t n)
{
    size_t room = UAC_FIFO - fifo_level(f);
    uint16_t at = f->in;

    n = (n < room ? n : room) & ~(size_t)1;
    for (size_t i = 0; i < n; i++, at++)
        f->data[at % UAC_FIFO] = data[i];
    f->in = at;
    return n;
}

static size_t fifo_take(fifo_t *f, uint8_t *data, size_t n)
{
    size_t level = fifo_level(f);
    uint16_t at = f->out;

    n = (n < level ? n : level) & ~(size_t)1;
    for (size_t i = 0; i < n; i++, at++)
        data[i] = f->data[at % UAC_FIFO];
    f->out = at;
    return n;
}

static void fifo_clear(fifo_t *f)
{
    f->in = f->out = 0;
}

/* -- packets, in the interrupt --------------------------------------------------------------------------------- */

static const tusb_desc_endpoint_t *endpoint_of(const stream_t *s)
{
    const tusb_desc_endpoint_t *e = &s->endpoints[s->alternate];

    return s->alternate && e->bEndpointAddress ? e : NULL;
}

static void arm(stream_t *s)
{
    const tusb_desc_endpoint_t *e = endpoint_of(s);

    s->armed = true;
    dcd_edpt_xfer(0, e->bEndpointAddress, s->packet, tu_edpt_packet_size(e));
}

/* The next packet of the capture stream: samples, or silence until the cushion is there. */
static void fill(stream_t *s)
{
    size_t n = tu_edpt_packet_size(endpoint_of(s)), taken = 0;

    if (s->filling && fifo_level(&s->fifo) >= UAC_CUSHION)
        s->filling = false;
    if (!s->filling) {
        taken = fifo_take(&s->fifo, s->packet, n);
        s->filling = taken < n;
        gaps += taken < n;
    }
    memset(s->packet + taken, 0, n - taken);
}

static int ended(stream_t *s)
{
    return s->armed ? uac_controller_done(endpoint_of(s)->bEndpointAddress) : -1;
}

static void poll(void)
{
    int n = ended(&playback);

    if (n >= 0) {
        gaps += (uint32_t)n - fifo_put(&playback.fifo, playback.packet, (size_t)n);
        arm(&playback);
    }
    if (ended(&capture) >= 0) {
        fill(&capture);
        arm(&capture);
    }
}

/* -- settings -------------------------------------------------------------------------------------------------- */

static void halt(stream_t *s)
{
    const tusb_desc_endpoint_t *e = endpoint_of(s);

    if (s->armed && e) { /* a stall drops what the controller holds */
        dcd_edpt_stall(0, e->bEndpointAddress);
        dcd_edpt_clear_stall(0, e->bEndpointAddress);
    }
    s->armed = false;
}

static void forget(stream_t *s)
{
    memset(s->known, 0, sizeof s->known);
    memset(s->endpoints, 0, sizeof s->endpoints);
    s->interface = NONE;
    s->alternate = 0;
    s->armed = false;
    fifo_clear(&s->fifo);
}

static bool select_setting(stream_t *s, unsigned alternate)
{
    const tusb_desc_endpoint_t *e;

    if (alternate >= UAC_ALTERNATES || !s->known[alternate])
        return false;
    usbd_int_set(false);
    halt(s);
    s->alternate = (uint8_t)alternate;
    s->filling = true;
    fifo_clear(&s->fifo);
    e = endpoint_of(s);
    if (e && usbd_edpt_iso_activate(0, e)) {
        memset(s->packet, 0, sizeof s->packet);
        arm(s);
    }
    usbd_int_set(true);
    return true;
}

static stream_t *stream_of(unsigned interface)
{
    return interface == capture.interface ? &capture : interface == playback.interface ? &playback : NULL;
}

/* -- descriptors ----------------------------------------------------------------------------------------------- */

static void driver_init(void)
{
    control_interface = unit = NONE;
    forget(&capture);
    forget(&playback);
    uac_controller_start(poll);
}

static void driver_reset(uint8_t rhport)
{
    (void)rhport;
    usbd_int_set(false);
    control_interface = unit = NONE;
    mute = 0;
    volume = 0;
    forget(&capture);
    forget(&playback);
    usbd_int_set(true);
}

/* The end of an interface's descriptors, all its alternate settings included. */
static const uint8_t *end_of(const uint8_t *p, const uint8_t *end)
{
    uint8_t number = p[2];

    while (p < end && p[0] >= 2) {
        bool other = tu_desc_type(p) == TUSB_DESC_INTERFACE && p[2] != number;

        if (other || tu_desc_type(p) == TUSB_DESC_INTERFACE_ASSOCIATION)
            return p;
        p = tu_desc_next(p);
    }
    return p < end ? p : end;
}

/* The feature unit (UAC1 4.3.2.5) whose source is what the PC plays: a terminal of type USB streaming (4.3.2.1). */
static void read_units(const uint8_t *p, const uint8_t *end)
{
    uint8_t playing = 0;

    for (; p < end; p = tu_desc_next(p)) {
        if (tu_desc_type(p) != CS_INTERFACE || p[0] < 7)
            continue;
        if (p[2] == INPUT_TERMINAL && (p[4] | p[5] << 8) == USB_STREAMING)
            playing = p[3];
        if (p[2] == FEATURE_UNIT && playing && p[4] == playing)
            unit = p[3];
    }
}

/* The streaming interface at p: its settings go to the stream of their endpoints' direction. False: it is not ours. */
static bool read_stream(const uint8_t *p, const uint8_t *end)
{
    tusb_desc_endpoint_t endpoints[UAC_ALTERNATES] = {0};
    bool known[UAC_ALTERNATES] = {false};
    uint8_t number = p[2], alternate = 0, address = 0;
    uint16_t largest = 0;
    stream_t *s;

    for (; p < end; p = tu_desc_next(p)) {
        if (tu_desc_type(p) == TUSB_DESC_INTERFACE) {
            alternate = p[3];
            if (alternate >= UAC_ALTERNATES)
                return false;
            known[alternate] = true;
        } else if (tu_desc_type(p) == TUSB_DESC_ENDPOINT && p[0] >= sizeof endpoints[0]) {
            memcpy(&endpoints[alternate], p, sizeof endpoints[0]);
            address = p[2];
            largest = tu_max16(largest, tu_edpt_packet_size(&endpoints[alternate]));
        }
    }
    s = address & TUSB_DIR_IN_MASK ? &capture : &playback;
    if (!address || !largest || largest > UAC_LARGEST || !usbd_edpt_iso_alloc(0, address, largest))
        return false;
    memcpy(s->endpoints, endpoints, sizeof endpoints);
    memcpy(s->known, known, sizeof known);
    s->interface = number;
    return true;
}

static uint16_t driver_open(uint8_t rhport, const tusb_desc_interface_t *interface, uint16_t most)
{
    const uint8_t *begin = (const uint8_t *)interface, *end = end_of(begin, begin + most);

    (void)rhport;
    if (interface->bInterfaceClass != AUDIO)
        return 0;
    if (interface->bInterfaceSubClass == CONTROL) {
        control_interface = interface->bInterfaceNumber;
        read_units(begin, end);
    } else if (interface->bInterfaceSubClass != STREAMING || !read_stream(begin, end))
        return 0;
    return (uint16_t)(end - begin);
}

/* -- requests -------------------------------------------------------------------------------------------------- */

/* The stack itself agrees to a SET_INTERFACE that its driver refuses by returning false. */
static bool refuse(uint8_t rhport)
{
    dcd_edpt_stall(rhport, 0);
    dcd_edpt_stall(rhport, TUSB_DIR_IN_MASK);
    return true;
}

/* USB 2.0 9.4.4, 9.4.10. */
static bool standard_request(uint8_t rhport, const tusb_control_request_t *r)
{
    stream_t *s = stream_of(r->wIndex & 0xff);

    if (r->bRequest == TUSB_REQ_GET_INTERFACE) {
        answer[0] = s ? s->alternate : 0;
        return tud_control_xfer(rhport, r, answer, 1);
    }
    if (r->bRequest != TUSB_REQ_SET_INTERFACE)
        return false;
    if (s ? !select_setting(s, r->wValue) : r->wValue != 0)
        return refuse(rhport);
    return tud_control_status(rhport, r);
}

static void set_control(unsigned selector)
{
    int16_t given = (int16_t)(answer[0] | answer[1] << 8);

    if (selector == MUTE)
        mute = answer[0] != 0;
    else
        volume = given < VOLUME_MIN ? VOLUME_MIN : given > VOLUME_MAX ? VOLUME_MAX : given;
}

/* The value of a control or of its range, into `answer`. False: there is none. */
static bool get_control(unsigned selector, unsigned request)
{
    int value;

    if (request == GET_CUR)
        value = selector == MUTE ? mute : volume;
    else if (selector == VOLUME && request >= GET_MIN && request <= GET_RES)
        value = request == GET_MIN ? VOLUME_MIN : request == GET_MAX ? VOLUME_MAX : VOLUME_RES;
    else
        return false;
    answer[0] = (uint8_t)value;
    answer[1] = (uint8_t)(value >> 8);
    return true;
}

/* Mute and volume of the feature unit, the master's: UAC1 5.2.2.4.3.1, 5.2.2.4.3.2. */
static bool unit_request(uint8_t rhport, uint8_t stage, const tusb_control_request_t *r)
{
    unsigned selector = r->wValue >> 8;
    uint16_t size = selector == MUTE ? 1 : 2;

    if (r->wIndex >> 8 != unit || (r->wValue & 0xff) || (selector != MUTE && selector != VOLUME))
        return false;
    if (stage == CONTROL_STAGE_DATA && r->bRequest == SET_CUR)
        set_control(selector);
    if (stage != CONTROL_STAGE_SETUP)
        return true;
    if (r->bRequest == SET_CUR ? r->wLength != size : !get_control(selector, r->bRequest))
        return false;
    return tud_control_xfer(rhport, r, answer, size);
}

static bool driver_control(uint8_t rhport, uint8_t stage, const tusb_control_request_t *r)
{
    if (r->bmRequestType_bit.recipient != TUSB_REQ_RCPT_INTERFACE)
        return false; /* no endpoint has a control: each setting has one sampling rate */
    if (r->bmRequestType_bit.type == TUSB_REQ_TYPE_CLASS)
        return (r->wIndex & 0xff) == control_interface && unit_request(rhport, stage, r);
    return stage != CONTROL_STAGE_SETUP || standard_request(rhport, r);
}

/* The stack tells of each packet long after `poll` has seen to it. */
static bool driver_transferred(uint8_t rhport, uint8_t endpoint, xfer_result_t result, uint32_t n)
{
    (void)rhport, (void)endpoint, (void)result, (void)n;
    return true;
}

const usbd_class_driver_t uac_driver = {
    .init = driver_init,
    .reset = driver_reset,
    .open = driver_open,
    .control_xfer_cb = driver_control,
    .xfer_cb = driver_transferred,
};

/* -- the firmware's side --------------------------------------------------------------------------------------- */

uint8_t uac_alternate(unsigned interface)
{
    stream_t *s = stream_of(interface);

    return s ? s->alternate : 0;
}

size_t uac_read(uint8_t *out, size_t n)
{
    return fifo_take(&playback.fifo, out, n);
}

size_t uac_write(const uint8_t *in, size_t n)
{
    return capture.alternate ? fifo_put(&capture.fifo, in, n) : 0;
}

size_t uac_space(void)
{
    return capture.alternate ? (size_t)(UAC_FIFO - fifo_level(&capture.fifo)) : 0;
}

bool uac_mute(void)
{
    return mute;
}

int uac_volume(void)
{
    return volume;
}

uint32_t uac_gaps(void)
{
    return gaps;
}
