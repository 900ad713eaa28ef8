// MicroPython's own RPI_PICO, with a partition for ROMFS: code that runs where it lies, without a copy on the heap.
#include "boards/RPI_PICO/mpconfigboard.h"

// Two slots of 256 KB, taken off the file system, which then has only the configuration to keep.
#define MICROPY_HW_ROMFS_BYTES (512 * 1024)
#undef MICROPY_HW_FLASH_STORAGE_BYTES
#define MICROPY_HW_FLASH_STORAGE_BYTES (1024 * 1024)

// TinyUSB's events wait for MicroPython's scheduler: two a millisecond while sound goes both ways, and a garbage
// collection takes 20.
#define CFG_TUD_TASK_QUEUE_SZ (64)
