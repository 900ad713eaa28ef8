/* Stand-in for the mask ROM of the RP2040: the functions behind its tables (RP2040 datasheet 2.8.3).
 *
 * The flash controller of the emulator does nothing, but its XIP window can be written to: flash is erased and
 * programmed by plain stores there. Programming clears bits only, as the chip does. Soft float comes from the compiler's
 * own library; trigonometry and logarithms are not there and halt, so that their use is seen.
 */
#include <stddef.h>
#include <stdint.h>

#define XIP_BASE 0x10000000u

void rom_halt(void) {
    for (;;) {
    }
}

void rom_nothing(void) {
}

/* Tables hold pairs of 16 bits, code and address, and end with a zero. */
void *rom_lookup(const uint16_t *table, uint32_t code) {
    for (; table[0]; table += 2) {
        if (table[0] == code) {
            return (void *)(uintptr_t)table[1];
        }
    }
    return NULL;
}

uint32_t rom_popcount(uint32_t value) {
    uint32_t count = 0;
    for (; value; value &= value - 1) {
        count++;
    }
    return count;
}

uint32_t rom_reverse(uint32_t value) {
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++) {
        reversed = reversed << 1 | (value >> i & 1);
    }
    return reversed;
}

uint32_t rom_clz(uint32_t value) {
    uint32_t count = 0;
    while (count < 32 && !(value >> (31 - count))) {
        count++;
    }
    return count;
}

uint32_t rom_ctz(uint32_t value) {
    uint32_t count = 0;
    while (count < 32 && !(value >> count & 1)) {
        count++;
    }
    return count;
}

/* volatile: or the compiler makes a call of memset and memcpy out of them */
void *rom_memset(void *to, int octet, size_t size) {
    volatile uint8_t *p = to;
    while (size--) {
        *p++ = (uint8_t)octet;
    }
    return to;
}

void *rom_memcpy(void *to, const void *from, size_t size) {
    volatile uint8_t *p = to;
    const uint8_t *q = from;
    while (size--) {
        *p++ = *q++;
    }
    return to;
}

/* Whole sectors, and pages of 256: addresses and sizes are multiples of four. */
void rom_flash_erase(uint32_t offset, size_t size, uint32_t block_size, uint8_t block_command) {
    (void)block_size;
    (void)block_command;
    volatile uint32_t *p = (volatile uint32_t *)(XIP_BASE + offset);
    for (size /= 4; size; size--) {
        *p++ = 0xFFFFFFFFu;
    }
}

void rom_flash_program(uint32_t offset, const uint8_t *data, size_t size) {
    volatile uint32_t *p = (volatile uint32_t *)(XIP_BASE + offset);
    for (size /= 4; size; size--, data += 4) {
        *p &= data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        p++;
    }
}

/* Newton's iteration from an estimate by halving the exponent. */
float rom_sqrt(float value) {
    union {
        float number;
        uint32_t bits;
    } root = {value};
    if (!(value > 0)) {
        return value;
    }
    root.bits = (root.bits >> 1) + 0x1FC00000u;
    for (int i = 0; i < 6; i++) {
        root.number = 0.5f * (root.number + value / root.number);
    }
    return root.number;
}

#define LIBRARY(name) extern void name(void);
LIBRARY(__aeabi_fadd)
LIBRARY(__aeabi_fsub)
LIBRARY(__aeabi_fmul)
LIBRARY(__aeabi_fdiv)
LIBRARY(__aeabi_f2iz)
LIBRARY(__aeabi_f2uiz)
LIBRARY(__aeabi_i2f)
LIBRARY(__aeabi_ui2f)
LIBRARY(__aeabi_l2f)
LIBRARY(__aeabi_ul2f)
LIBRARY(__aeabi_f2lz)
LIBRARY(__aeabi_f2ulz)
LIBRARY(__aeabi_f2d)

/* Version 2 of the table: 32 words. What has no entry here halts. */
enum {
    FADD, FSUB, FMUL, FDIV, FSQRT = 6, FLOAT2INT, FLOAT2UINT = 9, INT2FLOAT = 11, UINT2FLOAT = 13,
    INT64_2FLOAT = 23, UINT64_2FLOAT = 25, FLOAT2INT64 = 27, FLOAT2UINT64 = 29, FLOAT2DOUBLE = 31,
    SOFT_FLOAT_WORDS
};

__attribute__((section(".soft_float"), used)) void (*const rom_soft_float[SOFT_FLOAT_WORDS])(void) = {
    [0 ... SOFT_FLOAT_WORDS - 1] = rom_halt,
    [FADD] = __aeabi_fadd,
    [FSUB] = __aeabi_fsub,
    [FMUL] = __aeabi_fmul,
    [FDIV] = __aeabi_fdiv,
    [FSQRT] = (void (*)(void))rom_sqrt,
    [FLOAT2INT] = __aeabi_f2iz,
    [FLOAT2UINT] = __aeabi_f2uiz,
    [INT2FLOAT] = __aeabi_i2f,
    [UINT2FLOAT] = __aeabi_ui2f,
    [INT64_2FLOAT] = __aeabi_l2f,
    [UINT64_2FLOAT] = __aeabi_ul2f,
    [FLOAT2INT64] = __aeabi_f2lz,
    [FLOAT2UINT64] = __aeabi_f2ulz,
    [FLOAT2DOUBLE] = __aeabi_f2d,
};
