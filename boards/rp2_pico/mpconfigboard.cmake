# MicroPython's own RPI_PICO; femtojack's native code comes by USER_C_MODULES.
include(${MICROPY_PORT_DIR}/boards/RPI_PICO/mpconfigboard.cmake)
