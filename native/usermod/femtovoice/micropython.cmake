# For ports built with CMake.
file(GLOB FEMTOVOICE_CORE ${CMAKE_CURRENT_LIST_DIR}/../../*.c)

add_library(usermod_femtovoice INTERFACE)
target_sources(usermod_femtovoice INTERFACE ${CMAKE_CURRENT_LIST_DIR}/femtovoice.c ${FEMTOVOICE_CORE})
target_include_directories(usermod_femtovoice INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../..)
target_link_libraries(usermod INTERFACE usermod_femtovoice)

# Speed for the long loops, whatever the rest of the image is built for.
set_source_files_properties(${FEMTOVOICE_CORE} PROPERTIES COMPILE_OPTIONS "-O2;-fno-tree-loop-distribute-patterns")
