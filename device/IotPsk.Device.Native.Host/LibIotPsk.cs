using System;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;

namespace IotPsk.Device.Native;

/// <summary>The functions of libiotpsk.so, and where the library is found.</summary>
internal static partial class LibIotPsk
{
    private const string Library = "iotpsk";
    private const string FileName = "libiotpsk.so";
    private const string Variable = "IOTPSK_NATIVE";

    static LibIotPsk() => NativeLibrary.SetDllImportResolver(typeof(LibIotPsk).Assembly, Resolve);

    [LibraryImport(Library, EntryPoint = "iotpsk_selftest")]
    internal static partial int SelfTest();

    [LibraryImport(Library, EntryPoint = "iotpsk_vault_open", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int VaultOpen(string directory);

    [LibraryImport(Library, EntryPoint = "iotpsk_vault_import")]
    internal static partial int VaultImport(int vault, int slot, in byte bundle, int length);

    [LibraryImport(Library, EntryPoint = "iotpsk_vault_describe")]
    internal static partial int VaultDescribe(int vault, int slot, ref byte output, int size);

    [LibraryImport(Library, EntryPoint = "iotpsk_vault_erase")]
    internal static partial int VaultErase(int vault, int slot);

    [LibraryImport(Library, EntryPoint = "iotpsk_vault_close")]
    internal static partial int VaultClose(int vault);

    [LibraryImport(Library, EntryPoint = "iotpsk_open")]
    internal static partial int Open(int vault, int slot, int protocol, int recordSize, int options);

    [LibraryImport(Library, EntryPoint = "iotpsk_feed")]
    internal static partial int Feed(int session, in byte input, int length);

    [LibraryImport(Library, EntryPoint = "iotpsk_step")]
    internal static partial int Step(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_drain")]
    internal static partial int Drain(int session, ref byte output, int size);

    [LibraryImport(Library, EntryPoint = "iotpsk_write")]
    internal static partial int Write(int session, in byte input, int length);

    [LibraryImport(Library, EntryPoint = "iotpsk_read")]
    internal static partial int Read(int session, ref byte output, int size);

    [LibraryImport(Library, EntryPoint = "iotpsk_close_notify")]
    internal static partial int CloseNotify(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_close")]
    internal static partial int Close(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_set_first_timeout")]
    internal static partial int SetFirstTimeout(int session, int milliseconds);

    [LibraryImport(Library, EntryPoint = "iotpsk_tick")]
    internal static partial int Tick(int session, int now);

    [LibraryImport(Library, EntryPoint = "iotpsk_deadline")]
    internal static partial int Deadline(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_save")]
    internal static partial int Save(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_load")]
    internal static partial int Load(int vault, int slot, int recordSize, int options);

    [LibraryImport(Library, EntryPoint = "iotpsk_rekey")]
    internal static partial int Rekey(int session);

    [LibraryImport(Library, EntryPoint = "iotpsk_info")]
    internal static partial int Info(int session, int what);

    [LibraryImport(Library, EntryPoint = "iotpsk_error_name")]
    internal static partial nint ErrorName(int code);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Library)
        {
            return 0;
        }

        string named = Environment.GetEnvironmentVariable(Variable);
        string path = string.IsNullOrEmpty(named) ? Path.Combine(AppContext.BaseDirectory, FileName) : Path.GetFullPath(named);
        if (!File.Exists(path))
        {
            throw new DllNotFoundException($"the native library is missing: there is no {path}; `make build` makes it and puts it there, "
                + $"or name one in {Variable}");
        }

        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception problem) when (problem is DllNotFoundException or BadImageFormatException)
        {
            throw new DllNotFoundException($"{path} is no library that this machine can load: {problem.Message}", problem);
        }
    }
}
