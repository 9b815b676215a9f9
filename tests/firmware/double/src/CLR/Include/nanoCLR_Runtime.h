// The part of the double that a managed call needs: arguments, arrays, a result.
#ifndef DOUBLE_NANOCLR_RUNTIME_H
#define DOUBLE_NANOCLR_RUNTIME_H

#include <string>
#include <vector>

#include "nanoCLR_Interop.h"

struct CLR_RT_HeapBlock_Array
{
    std::vector<CLR_UINT8> bytes;
    CLR_UINT32 m_numOfElements;

    explicit CLR_RT_HeapBlock_Array(std::size_t length) : bytes(length), m_numOfElements((CLR_UINT32)length) {}
    CLR_UINT8 *GetFirstElement() { return bytes.data(); }
};

struct CLR_RT_HeapBlock
{
    struct
    {
        CLR_INT32 s4;
    } numeric{};
    const char *text = nullptr;
    CLR_RT_HeapBlock_Array *array = nullptr;

    auto &NumericByRef() { return numeric; }
    const char *RecoverString() const { return text; }
    CLR_RT_HeapBlock_Array *DereferenceArray() const { return array; }
};

struct CLR_RT_StackFrame
{
    CLR_RT_HeapBlock arguments[8];
    CLR_INT32 number = 0;
    std::string text;
    bool has_number = false, has_text = false;
    bool is_heap_full = false;      // the managed heap has no room for a result

    CLR_RT_HeapBlock &Arg0() { return arguments[0]; }
    CLR_RT_HeapBlock &Arg1() { return arguments[1]; }
    CLR_RT_HeapBlock &Arg2() { return arguments[2]; }
    CLR_RT_HeapBlock &Arg3() { return arguments[3]; }
    CLR_RT_HeapBlock &Arg4() { return arguments[4]; }

    void SetResult_I4(CLR_INT32 value)
    {
        number = value;
        has_number = true;
    }

    HRESULT SetResult_String(const char *value)
    {
        if (is_heap_full)
            return CLR_E_OUT_OF_MEMORY;
        text = value;
        has_text = true;
        return S_OK;
    }
};

#endif
