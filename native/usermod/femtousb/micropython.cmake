# The sound card's driver, for images with TinyUSB on an RP2040 or RP2350.
add_library(usermod_femtousb INTERFACE)
target_sources(usermod_femtousb INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/femtousb.c
    ${CMAKE_CURRENT_LIST_DIR}/uac.c
    ${CMAKE_CURRENT_LIST_DIR}/uac_rp2.c
)
target_include_directories(usermod_femtousb INTERFACE ${CMAKE_CURRENT_LIST_DIR})
# MicroPython tells TinyUSB of its own driver; femtousb.c adds ours to it.
target_link_options(usermod_femtousb INTERFACE "-Wl,--wrap=usbd_app_driver_get_cb")
target_link_libraries(usermod INTERFACE usermod_femtousb)
