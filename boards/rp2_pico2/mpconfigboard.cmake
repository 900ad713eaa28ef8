# MicroPython's own RPI_PICO2; femtojack's native code comes by USER_C_MODULES.
include(${MICROPY_PORT_DIR}/boards/RPI_PICO2/mpconfigboard.cmake)
