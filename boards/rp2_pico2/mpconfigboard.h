// MicroPython's own RPI_PICO2, with a partition for ROMFS: code that runs where it lies, without a copy on the heap.
#include "boards/RPI_PICO2/mpconfigboard.h"

#define MICROPY_HW_ROMFS_BYTES (192 * 1024)
