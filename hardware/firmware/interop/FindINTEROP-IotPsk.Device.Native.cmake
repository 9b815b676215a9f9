# The module by which nf-interpreter's build takes IotPsk.Device.Native in: link or copy it to CMake/Modules, and hardware/firmware to
# InteropAssemblies/IotPsk.Device.Native (or say where it is with -DIOTPSK_FIRMWARE=DIRECTORY). The build reads the interop sources
# from this module's variables; psk_core becomes a library of its own, so that it sees mbedTLS exactly as mbedTLS was compiled.
set(IOTPSK_FIRMWARE "${PROJECT_SOURCE_DIR}/InteropAssemblies/IotPsk.Device.Native" CACHE PATH "IotPsk's hardware/firmware")
if(NOT EXISTS "${IOTPSK_FIRMWARE}/psk_core.h")
  message(FATAL_ERROR "IotPsk: there is no psk_core.h in ${IOTPSK_FIRMWARE}; link IotPsk's hardware/firmware there, or set IOTPSK_FIRMWARE.")
endif()
if(NOT TARGET mbedtls)
  message(FATAL_ERROR "IotPsk: this build has no target named mbedtls; it is made for ESP32 targets with ESP-IDF's mbedTLS.")
endif()

set(IotPsk.Device.Native_INCLUDE_DIRS
  "${PROJECT_SOURCE_DIR}/src/CLR/Core" "${PROJECT_SOURCE_DIR}/src/CLR/Include" "${PROJECT_SOURCE_DIR}/src/HAL/Include"
  "${PROJECT_SOURCE_DIR}/src/PAL/Include" "${IOTPSK_FIRMWARE}" "${IOTPSK_FIRMWARE}/interop")
set(IotPsk.Device.Native_SOURCES
  "${IOTPSK_FIRMWARE}/interop/IotPsk_Device_Native.cpp"
  "${IOTPSK_FIRMWARE}/interop/IotPsk_Device_Native_IotPsk_Device_Native_PskCore.cpp")

# What Kconfig has no switch for, for every part of mbedTLS and whoever uses it.
foreach(part mbedtls mbedcrypto mbedx509)
  target_compile_definitions(${part} PUBLIC "MBEDTLS_USER_CONFIG_FILE=\"${IOTPSK_FIRMWARE}/psk_board_config.h\"")
endforeach()

# Two sources of mbedTLS get a header in front; no file of it is changed.
get_target_property(iotpsk_mbedtls_library mbedtls SOURCE_DIR)
foreach(pair IN ITEMS ssl_tls13_keys.c:psk_binder_forced.h ssl_tls13_generic.c:psk_limit_forced.h)
  string(REPLACE ":" ";" pair "${pair}")
  list(GET pair 0 source)
  list(GET pair 1 header)
  if(NOT EXISTS "${iotpsk_mbedtls_library}/${source}")
    message(FATAL_ERROR "IotPsk: mbedTLS has no ${iotpsk_mbedtls_library}/${source}; psk_core is made for mbedTLS 3.6.")
  endif()
  set_property(SOURCE "${iotpsk_mbedtls_library}/${source}" TARGET_DIRECTORY mbedtls
    APPEND PROPERTY COMPILE_OPTIONS "-include;${IOTPSK_FIRMWARE}/${header}")
endforeach()

file(GLOB iotpsk_core_sources CONFIGURE_DEPENDS "${IOTPSK_FIRMWARE}/*.c" "${IOTPSK_FIRMWARE}/interop/*.c")
list(FILTER iotpsk_core_sources EXCLUDE REGEX "/psk_no_dtls[.]c$")
add_library(iotpsk_core STATIC ${iotpsk_core_sources})
target_include_directories(iotpsk_core PUBLIC "${IOTPSK_FIRMWARE}" PRIVATE "${iotpsk_mbedtls_library}")
target_compile_definitions(iotpsk_core PUBLIC PSK_VAULT_SLOTS=16 PSK_HANDLES_MAX=16)
target_link_libraries(iotpsk_core PRIVATE idf::mbedtls idf::nvs_flash)
# The library of the interop sources is made after this module has run.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL
  set_property TARGET NF_NativeAssemblies APPEND PROPERTY INTERFACE_LINK_LIBRARIES iotpsk_core)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(INTEROP-IotPsk.Device.Native DEFAULT_MSG IotPsk.Device.Native_INCLUDE_DIRS IotPsk.Device.Native_SOURCES)
