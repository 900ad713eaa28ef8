#include "tusb.h"

bool dcd_edpt_xfer(uint8_t rhport, uint8_t endpoint, uint8_t *buffer, uint16_t length);
void dcd_edpt_stall(uint8_t rhport, uint8_t endpoint);
void dcd_edpt_clear_stall(uint8_t rhport, uint8_t endpoint);
