#include "tusb.h"

typedef struct {
    const char *name;
    void (*init)(void);
    bool (*deinit)(void);
    void (*reset)(uint8_t rhport);
    uint16_t (*open)(uint8_t rhport, const tusb_desc_interface_t *interface, uint16_t most);
    bool (*control_xfer_cb)(uint8_t rhport, uint8_t stage, const tusb_control_request_t *request);
    bool (*xfer_cb)(uint8_t rhport, uint8_t endpoint, xfer_result_t result, uint32_t n);
    void (*sof)(uint8_t rhport, uint32_t frame);
} usbd_class_driver_t;

void usbd_int_set(bool enabled);
bool usbd_edpt_iso_alloc(uint8_t rhport, uint8_t endpoint, uint16_t largest);
bool usbd_edpt_iso_activate(uint8_t rhport, const tusb_desc_endpoint_t *endpoint);
