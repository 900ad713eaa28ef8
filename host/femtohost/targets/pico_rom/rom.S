@ Stand-in for the mask ROM of the RP2040: vectors, identity and tables where software looks for them.
@ Source: RP2040 datasheet 2.8.2 (vectors), 2.8.3 (bootrom contents: magic, version, tables, function codes).

    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .section .vectors, "a"
    .word 0x20042000                @ initial stack: end of SRAM
    .word rom_halt                  @ reset: the emulator starts at the second stage in flash instead
    .word rom_halt                  @ NMI
    .word rom_halt                  @ HardFault
    .byte 'M', 'u', 1, 2            @ magic; version 2: the one with the whole soft-float table
    .hword function_table
    .hword data_table
    .hword rom_lookup + 1           @ Thumb

    .macro entry first second address
    .byte \first, \second
    .hword \address
    .endm

function_table:
    entry 'P', '3', rom_popcount + 1
    entry 'R', '3', rom_reverse + 1
    entry 'L', '3', rom_clz + 1
    entry 'T', '3', rom_ctz + 1
    entry 'M', 'S', rom_memset + 1
    entry 'S', '4', rom_memset + 1
    entry 'M', 'C', rom_memcpy + 1
    entry 'C', '4', rom_memcpy + 1
    entry 'I', 'F', rom_nothing + 1     @ connect internal flash
    entry 'E', 'X', rom_nothing + 1     @ exit XIP
    entry 'R', 'E', rom_flash_erase + 1
    entry 'R', 'P', rom_flash_program + 1
    entry 'F', 'C', rom_nothing + 1     @ flush the cache
    entry 'C', 'X', rom_nothing + 1     @ enter XIP
    entry 'U', 'B', rom_halt + 1        @ reset to BOOTSEL: there is none
    .hword 0, 0

data_table:
    entry 'S', 'F', rom_soft_float
    .hword 0, 0
