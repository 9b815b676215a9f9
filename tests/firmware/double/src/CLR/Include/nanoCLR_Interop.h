// A double of the native API of nanoFramework's CLR, as far as interop methods use it: enough to compile them for a host and run them.
#ifndef DOUBLE_NANOCLR_INTEROP_H
#define DOUBLE_NANOCLR_INTEROP_H

#include <cstddef>
#include <cstdint>

typedef std::int32_t HRESULT;
typedef std::int32_t CLR_INT32;
typedef std::uint32_t CLR_UINT32;
typedef std::uint8_t CLR_UINT8;

const HRESULT S_OK = 0;
const HRESULT CLR_E_OUT_OF_MEMORY = (HRESULT)0xfa000000;

struct CLR_RT_StackFrame;
typedef HRESULT (*CLR_RT_MethodHandler)(CLR_RT_StackFrame &stack);

struct CLR_RT_NativeAssemblyData
{
    const char *m_szAssemblyName;
    unsigned int m_checkSum;
    const CLR_RT_MethodHandler *m_pNativeMethods;
    struct
    {
        unsigned short uMajor, uMinor, uBuild, uRevision;
    } m_Version;
};

#define NANOCLR_NATIVE_DECLARE(method) static HRESULT method(CLR_RT_StackFrame &stack)
#define NANOCLR_HEADER() HRESULT hr
#define NANOCLR_SET_AND_LEAVE(value) \
    {                                \
        hr = (value);                \
        goto nanoCLR_Cleanup;        \
    }
#define NANOCLR_NOCLEANUP() \
    hr = S_OK;              \
    nanoCLR_Cleanup:        \
    return hr
#define NANOCLR_NOCLEANUP_NOLABEL() \
    hr = S_OK;                      \
    return hr

#endif
