# For ports built with CMake: -DUSER_C_MODULES=<this repository>/native/usermod
include(${CMAKE_CURRENT_LIST_DIR}/femtovoice/micropython.cmake)
if(PICO_BOARD)
    include(${CMAKE_CURRENT_LIST_DIR}/femtousb/micropython.cmake)
endif()
