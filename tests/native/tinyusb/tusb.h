/* As much of TinyUSB's interface as native/usermod/femtousb/uac.c uses; stack.c stands in for the stack. */
#ifndef TUSB_H
#define TUSB_H

#include <stdbool.h>
#include <stdint.h>

#define CFG_TUSB_MEM_ALIGN __attribute__((aligned(4)))

enum { TUSB_DIR_OUT, TUSB_DIR_IN, TUSB_DIR_IN_MASK = 0x80 };
enum { TUSB_DESC_INTERFACE = 0x04, TUSB_DESC_ENDPOINT = 0x05, TUSB_DESC_INTERFACE_ASSOCIATION = 0x0B };
enum { TUSB_REQ_TYPE_STANDARD, TUSB_REQ_TYPE_CLASS };
enum { TUSB_REQ_RCPT_DEVICE, TUSB_REQ_RCPT_INTERFACE, TUSB_REQ_RCPT_ENDPOINT };
enum { TUSB_REQ_GET_INTERFACE = 10, TUSB_REQ_SET_INTERFACE = 11 };
enum { CONTROL_STAGE_IDLE, CONTROL_STAGE_SETUP, CONTROL_STAGE_DATA, CONTROL_STAGE_ACK };
typedef enum { XFER_RESULT_SUCCESS } xfer_result_t;

typedef struct __attribute__((packed)) {
    struct __attribute__((packed)) {
        uint8_t recipient : 5, type : 2, direction : 1;
    } bmRequestType_bit;
    uint8_t bRequest;
    uint16_t wValue, wIndex, wLength;
} tusb_control_request_t;

typedef struct __attribute__((packed)) {
    uint8_t bLength, bDescriptorType, bInterfaceNumber, bAlternateSetting, bNumEndpoints, bInterfaceClass,
        bInterfaceSubClass, bInterfaceProtocol, iInterface;
} tusb_desc_interface_t;

typedef struct __attribute__((packed)) {
    uint8_t bLength, bDescriptorType, bEndpointAddress, bmAttributes;
    uint16_t wMaxPacketSize;
    uint8_t bInterval;
} tusb_desc_endpoint_t;

static inline uint8_t tu_desc_type(const void *p) { return ((const uint8_t *)p)[1]; }
static inline const uint8_t *tu_desc_next(const void *p) { return (const uint8_t *)p + *(const uint8_t *)p; }
static inline uint16_t tu_edpt_packet_size(const tusb_desc_endpoint_t *e) { return e->wMaxPacketSize & 0x7ff; }
static inline uint16_t tu_max16(uint16_t a, uint16_t b) { return a > b ? a : b; }

bool tud_control_xfer(uint8_t rhport, const tusb_control_request_t *request, void *buffer, uint16_t length);
bool tud_control_status(uint8_t rhport, const tusb_control_request_t *request);

#endif
