using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace IotPsk.Keys;

/// <summary>Binds Microsoft.Data.Sqlite to the distribution's libsqlite3, which the distribution keeps patched.</summary>
public static class SqliteLibrary
{
    private const string Provider = "e_sqlite3";
    private const string Library = "libsqlite3.so.0";
    private static readonly Lazy<bool> Bound = new(BindOnce);

    /// <summary>Does so once; every use of Microsoft.Data.Sqlite comes after it.</summary>
    /// <exception cref="RegistryException">libsqlite3 is not installed.</exception>
    public static void Bind() => _ = Bound.Value;

    private static bool BindOnce()
    {
        if (!NativeLibrary.TryLoad(Library, out _))
        {
            throw new RegistryException(
                RegistryFault.LibraryMissing, $"{Library} is not installed: on Debian and Ubuntu, apt-get install libsqlite3-0");
        }

        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return true;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == Provider ? NativeLibrary.Load(Library) : 0;
}
