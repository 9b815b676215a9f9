// The native method table of IotPsk.Device.Native, computed from the assembly: see tests/README.md before changing a line.
#include "IotPsk_Device_Native.h"

// clang-format off

static const CLR_RT_MethodHandler method_lookup[] =
{
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::SelfTest___STATIC__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::VaultOpen___STATIC__I4__STRING,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::VaultImport___STATIC__I4__I4__I4__SZARRAY_U1__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::VaultDescribe___STATIC__I4__I4__I4__SZARRAY_U1,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::VaultErase___STATIC__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::VaultClose___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Open___STATIC__I4__I4__I4__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Feed___STATIC__I4__I4__SZARRAY_U1__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Step___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Drain___STATIC__I4__I4__SZARRAY_U1__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Write___STATIC__I4__I4__SZARRAY_U1__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Read___STATIC__I4__I4__SZARRAY_U1__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::CloseNotify___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Close___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::SetFirstTimeout___STATIC__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Tick___STATIC__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Deadline___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Save___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Load___STATIC__I4__I4__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Rekey___STATIC__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::Info___STATIC__I4__I4__I4,
    Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore::ErrorName___STATIC__STRING__I4,
};

const CLR_RT_NativeAssemblyData g_CLR_AssemblyNative_IotPsk_Device_Native =
{
    "IotPsk.Device.Native",
    0x9CE4B946,
    method_lookup,
    { 100, 0, 0, 1 }
};

// clang-format on
