using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

/// <summary>
/// For the control run of a test that looks for secrets in memory: a program that is started with this as its DOTNET_STARTUP_HOOKS overwrites
/// nothing any longer, for CryptographicOperations.ZeroMemory returns at once. The program itself has no switch for it.
/// </summary>
internal static unsafe partial class StartupHook
{
    private const int ReadWriteExecute = 7, PageSize = 4096;

    internal static void Initialize()
    {
        MethodInfo zero = typeof(CryptographicOperations).GetMethod(nameof(CryptographicOperations.ZeroMemory))!;
        RuntimeHelpers.PrepareMethod(zero.MethodHandle);
        var code = (byte*)zero.MethodHandle.GetFunctionPointer();
        Return(code);
        // What a method is called by may be a jump to its code: x64's "jmp [rip+n]".
        for (; code[0] == 0xff && code[1] == 0x25; Return(code))
            code = *(byte**)(code + 6 + *(int*)(code + 2));
        byte[] probe = [1];
        CryptographicOperations.ZeroMemory(probe);
        if (probe[0] != 1)
            throw new InvalidOperationException("ZeroMemory still zeroes.");
    }

    private static void Return(byte* code)
    {
        ReadOnlySpan<byte> comeBack = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? [0xc0, 0x03, 0x5f, 0xd6] : [0xc3];
        if (code[0] == 0xff && code[1] == 0x25)
            return;
        if (mprotect((nint)code & ~(PageSize - 1), 2 * PageSize, ReadWriteExecute) != 0)
            throw new InvalidOperationException("The code of ZeroMemory cannot be changed.");
        comeBack.CopyTo(new Span<byte>(code, comeBack.Length));
    }

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);
}
