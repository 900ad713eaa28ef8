/* The RP2040's and RP2350's USB controller, as uac.c needs it (RP2040 datasheet 4.1). */
#include "uac.h"

#ifndef NO_QSTR
#include "hardware/irq.h"
#include "hardware/structs/usb.h"
#endif

void uac_controller_start(void (*poll)(void))
{
    static bool started;

    if (started) /* the stack may be initialised anew */
        return;
    started = true;
    irq_add_shared_handler(USBCTRL_IRQ, poll, PICO_SHARED_IRQ_HANDLER_LOWEST_ORDER_PRIORITY);
}

int uac_controller_done(uint8_t endpoint)
{
    unsigned number = tu_edpt_number(endpoint), out = tu_edpt_dir(endpoint) == TUSB_DIR_OUT;
    uint32_t control = out ? usb_dpram->ep_buf_ctrl[number].out : usb_dpram->ep_buf_ctrl[number].in;

    if (control & USB_BUF_CTRL_AVAIL || usb_hw->buf_status & 1u << (2 * number + out)) /* the stack has not seen it */
        return -1;
    return control & USB_BUF_CTRL_LEN_MASK;
}
