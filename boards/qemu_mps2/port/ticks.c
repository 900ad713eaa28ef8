/* Time of MicroPython's qemu port on the MPS2 boards: microseconds from the FPGAIO counter (ARM DAI0385). */
#include "py/mphal.h"
#include "py/runtime.h"

#define COUNTER (*(volatile uint32_t *)0x40028018)
#define PRESCALER (*(volatile uint32_t *)0x4002801c)

enum { MICROSECOND = 24 };      /* 25 MHz over 24 + 1 */

static uint32_t last, milliseconds, rest;

mp_uint_t mp_hal_ticks_us(void)
{
    PRESCALER = MICROSECOND;
    return COUNTER;
}

/* Counted on from call to call, so that it wraps at 2^32 and not with the microseconds. */
mp_uint_t mp_hal_ticks_ms(void)
{
    uint32_t now = mp_hal_ticks_us();

    rest += (now - last) % 1000;
    milliseconds += (now - last) / 1000 + rest / 1000;
    rest %= 1000;
    last = now;
    return milliseconds;
}

mp_uint_t mp_hal_ticks_cpu(void)
{
    return mp_hal_ticks_us();
}

uint64_t mp_hal_time_ns(void)
{
    return mp_hal_ticks_us() * 1000ull;
}

void mp_hal_delay_us(mp_uint_t us)
{
    mp_uint_t begin = mp_hal_ticks_us();

    while (mp_hal_ticks_us() - begin < us)
        continue;
}

void mp_hal_delay_ms(mp_uint_t ms)
{
    mp_uint_t begin = mp_hal_ticks_ms();

    while (mp_hal_ticks_ms() - begin < ms)
        mp_handle_pending(true);
}
