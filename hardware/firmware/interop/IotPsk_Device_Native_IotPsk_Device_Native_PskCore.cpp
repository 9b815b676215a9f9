// The interop methods of PskCore: they unpack the arguments of the managed call and hand them to the flat API (iotpsk.h). None of
// them waits for anything, keeps a managed pointer after it returns, or throws but for want of memory: the managed side makes
// exceptions of error codes.
#include "IotPsk_Device_Native.h"

#include <nanoHAL.h>

#include "iotpsk.h"
#include "psk_error.h"

typedef Library_IotPsk_Device_Native_IotPsk_Device_Native_PskCore PskCore;

// The bytes [offset, offset + count) of an array argument; NULL if it has no such bytes, or is null.
static CLR_UINT8 *Bytes(CLR_RT_HeapBlock &argument, CLR_INT32 offset, CLR_INT32 count)
{
    CLR_RT_HeapBlock_Array *array = argument.DereferenceArray();
    if (array == NULL || offset < 0 || count < 0)
        return NULL;
    const CLR_UINT32 length = array->m_numOfElements, start = (CLR_UINT32)offset;
    return start <= length && (CLR_UINT32)count <= length - start ? array->GetFirstElement() + start : NULL;
}

static CLR_INT32 Number(CLR_RT_HeapBlock &argument)
{
    return argument.NumericByRef().s4;
}

HRESULT PskCore::SelfTest___STATIC__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_selftest());

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::VaultOpen___STATIC__I4__STRING(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    // When the CLR starts afresh (a deployment, a reboot of the CLR alone), its handles are lost and this memory is not.
    HAL_AddSoftRebootHandler(iotpsk_close_all);
    stack.SetResult_I4(iotpsk_vault_open(stack.Arg0().RecoverString()));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::VaultImport___STATIC__I4__I4__I4__SZARRAY_U1__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    const CLR_INT32 count = Number(stack.Arg3());
    const CLR_UINT8 *bundle = Bytes(stack.Arg2(), 0, count);
    stack.SetResult_I4(
        bundle == NULL ? PSK_CORE_ERR_ARGUMENT : iotpsk_vault_import(Number(stack.Arg0()), Number(stack.Arg1()), bundle, count));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::VaultDescribe___STATIC__I4__I4__I4__SZARRAY_U1(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    CLR_RT_HeapBlock_Array *buffer = stack.Arg2().DereferenceArray();
    stack.SetResult_I4(
        buffer == NULL ? PSK_CORE_ERR_ARGUMENT
                       : iotpsk_vault_describe(
                             Number(stack.Arg0()), Number(stack.Arg1()), buffer->GetFirstElement(), (CLR_INT32)buffer->m_numOfElements));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::VaultErase___STATIC__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_vault_erase(Number(stack.Arg0()), Number(stack.Arg1())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::VaultClose___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_vault_close(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Open___STATIC__I4__I4__I4__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_open(
        Number(stack.Arg0()), Number(stack.Arg1()), Number(stack.Arg2()), Number(stack.Arg3()), Number(stack.Arg4())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Feed___STATIC__I4__I4__SZARRAY_U1__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    const CLR_INT32 count = Number(stack.Arg3());
    const CLR_UINT8 *bytes = Bytes(stack.Arg1(), Number(stack.Arg2()), count);
    stack.SetResult_I4(bytes == NULL ? PSK_CORE_ERR_ARGUMENT : iotpsk_feed(Number(stack.Arg0()), bytes, count));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Step___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_step(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Drain___STATIC__I4__I4__SZARRAY_U1__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    const CLR_INT32 count = Number(stack.Arg3());
    CLR_UINT8 *bytes = Bytes(stack.Arg1(), Number(stack.Arg2()), count);
    stack.SetResult_I4(bytes == NULL ? PSK_CORE_ERR_ARGUMENT : iotpsk_drain(Number(stack.Arg0()), bytes, count));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Write___STATIC__I4__I4__SZARRAY_U1__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    const CLR_INT32 count = Number(stack.Arg3());
    const CLR_UINT8 *bytes = Bytes(stack.Arg1(), Number(stack.Arg2()), count);
    stack.SetResult_I4(bytes == NULL ? PSK_CORE_ERR_ARGUMENT : iotpsk_write(Number(stack.Arg0()), bytes, count));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Read___STATIC__I4__I4__SZARRAY_U1__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    const CLR_INT32 count = Number(stack.Arg3());
    CLR_UINT8 *bytes = Bytes(stack.Arg1(), Number(stack.Arg2()), count);
    stack.SetResult_I4(bytes == NULL ? PSK_CORE_ERR_ARGUMENT : iotpsk_read(Number(stack.Arg0()), bytes, count));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::CloseNotify___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_close_notify(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Close___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_close(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::SetFirstTimeout___STATIC__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_set_first_timeout(Number(stack.Arg0()), Number(stack.Arg1())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Tick___STATIC__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_tick(Number(stack.Arg0()), Number(stack.Arg1())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Deadline___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_deadline(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Save___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_save(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Load___STATIC__I4__I4__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_load(Number(stack.Arg0()), Number(stack.Arg1()), Number(stack.Arg2()), Number(stack.Arg3())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Rekey___STATIC__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_rekey(Number(stack.Arg0())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::Info___STATIC__I4__I4__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    stack.SetResult_I4(iotpsk_info(Number(stack.Arg0()), Number(stack.Arg1())));

    NANOCLR_NOCLEANUP_NOLABEL();
}

HRESULT PskCore::ErrorName___STATIC__STRING__I4(CLR_RT_StackFrame &stack)
{
    NANOCLR_HEADER();

    NANOCLR_SET_AND_LEAVE(stack.SetResult_String(iotpsk_error_name(Number(stack.Arg0()))));

    NANOCLR_NOCLEANUP();
}
