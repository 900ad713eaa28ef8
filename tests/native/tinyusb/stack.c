/* The device stack and its controller around uac.c: one packet waits on each endpoint until the test lets it pass. */
#include <string.h>

#include "uac.h"

typedef struct {
    uint8_t *buffer;
    uint16_t length, allocated;
    int done;
    bool active, waits;
} endpoint_t;

static endpoint_t endpoints[16][2];
static void (*interrupt)(void);
static int masked;
static uint8_t *data;           /* of a control request */
static uint16_t data_length;
static bool agreed, stalled;

static endpoint_t *at(uint8_t address)
{
    return &endpoints[address & 15][address >> 7];
}

/* -- what uac.c calls */

void uac_controller_start(void (*poll)(void)) { interrupt = poll; }
int uac_controller_done(uint8_t address) { return at(address)->done; }
void usbd_int_set(bool enabled) { masked += enabled ? -1 : 1; }

bool usbd_edpt_iso_alloc(uint8_t rhport, uint8_t address, uint16_t largest)
{
    at(address)->allocated = largest;
    return true;
}

bool usbd_edpt_iso_activate(uint8_t rhport, const tusb_desc_endpoint_t *e)
{
    at(e->bEndpointAddress)->active = true;
    return at(e->bEndpointAddress)->allocated >= tu_edpt_packet_size(e);
}

bool dcd_edpt_xfer(uint8_t rhport, uint8_t address, uint8_t *buffer, uint16_t length)
{
    *at(address) = (endpoint_t){buffer, length, at(address)->allocated, -1, true, true};
    return true;
}

void dcd_edpt_stall(uint8_t rhport, uint8_t address)
{
    at(address)->waits = false;
    stalled |= (address & 15) == 0;
}

void dcd_edpt_clear_stall(uint8_t rhport, uint8_t address) {}

bool tud_control_xfer(uint8_t rhport, const tusb_control_request_t *r, void *buffer, uint16_t length)
{
    data = buffer;
    data_length = length < r->wLength ? length : r->wLength;
    return true;
}

bool tud_control_status(uint8_t rhport, const tusb_control_request_t *r) { return agreed = true; }

/* -- what the test calls */

int stack_masked(void) { return masked; }
void stack_init(void) { uac_driver.init(); }

void stack_reset(void)
{
    memset(endpoints, 0, sizeof endpoints);
    uac_driver.reset(0);
}

/* SET_CONFIGURATION: octets claimed of the interfaces at `descriptors`; -1 once the driver claims too much. */
int stack_open(const uint8_t *descriptors, int length)
{
    int claimed = 0, at = 0;

    while (at < length) {
        int n = uac_driver.open(0, (const tusb_desc_interface_t *)(descriptors + at), (uint16_t)(length - at));

        if (n > length - at)
            return -1;
        if (n == 0)
            do
                at += descriptors[at];
            while (at < length && descriptors[at + 1] != TUSB_DESC_INTERFACE);
        claimed += n;
        at += n;
    }
    return claimed;
}

/* A control request: octets in the data stage, 0 for none; -1: it was stalled. `octets` are sent or filled. */
int stack_request(const uint8_t *setup, uint8_t *octets)
{
    tusb_control_request_t r;
    bool good;

    memcpy(&r, setup, sizeof r);
    data = NULL;
    data_length = 0;
    agreed = stalled = false;
    good = uac_driver.control_xfer_cb(0, CONTROL_STAGE_SETUP, &r);
    if (!good || stalled)
        return -1;
    if (!data)
        return agreed ? 0 : -1;
    if (setup[0] & 0x80) {
        memcpy(octets, data, data_length);
    } else {
        memcpy(data, octets, data_length);
        if (!uac_driver.control_xfer_cb(0, CONTROL_STAGE_DATA, &r))
            return -1;
    }
    return uac_driver.control_xfer_cb(0, CONTROL_STAGE_ACK, &r) ? data_length : -1;
}

/* A frame's packet to the device; false if none was waited for. */
bool stack_out(uint8_t address, const uint8_t *octets, int n)
{
    endpoint_t *e = at(address);

    if (!e->waits || n > e->length)
        return false;
    memcpy(e->buffer, octets, (size_t)n);
    e->waits = false;
    e->done = n;
    interrupt();
    return true;
}

/* A frame's packet from the device: its octets; -1 if there was none. */
int stack_in(uint8_t address, uint8_t *octets)
{
    endpoint_t *e = at(address);

    if (!e->waits)
        return -1;
    memcpy(octets, e->buffer, e->length);
    e->waits = false;
    e->done = e->length;
    interrupt();
    return e->length;
}
