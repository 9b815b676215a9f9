using System.Globalization;
using System.Text;
using Mono.Cecil;

namespace IotPsk.Device.Tests.Interop;

/// <summary>
/// The native method table of an interop assembly and its checksum, as nanoFramework's metadata processor 3 computes them: the CLR of a
/// board refuses an assembly whose checksum is not the one its firmware registered, and calls natives by their place in the table.
/// </summary>
internal sealed class NativeTable
{
    private readonly string _assembly;
    private readonly List<(string Class, string? Method)> _entries = [];
    private uint _checksum;
    private bool _hasNative;

    private NativeTable(string assembly) => _assembly = assembly;

    /// <summary>The table of an assembly: an entry for every method, in the order of the metadata processor.</summary>
    internal static NativeTable Of(AssemblyDefinition assembly)
    {
        var table = new NativeTable(assembly.Name.Name);
        // The metadata processor sorts by the culture's rules, not by code points.
        foreach (TypeDefinition type in assembly.MainModule.GetTypes().Where(IsInTable).OrderBy(t => t.FullName, StringComparer.InvariantCulture))
        {
            foreach (MethodDefinition method in type.Methods.OrderBy(m => m.IsVirtual ? 0 : m.IsStatic ? 2 : 1))
                table.Add(type, method);
        }
        return table;
    }

    /// <summary>0 if there is no native method.</summary>
    internal uint Checksum => _hasNative ? _checksum : 0;

    /// <summary>For each method its class and mangled name, or null for the name of a managed one.</summary>
    internal IReadOnlyList<(string Class, string? Method)> Entries => _entries;

    private string Symbol => _assembly.Replace('.', '_');

    /// <summary>The header that declares the natives.</summary>
    internal string Header()
    {
        var text = new StringBuilder("// The natives of ").Append(_assembly).Append(", computed from the assembly: see tests/README.md before changing a line.\n");
        string guard = Symbol.ToUpperInvariant() + "_H";
        text.Append("#ifndef ").Append(guard).Append("\n#define ").Append(guard).Append("\n\n#include <nanoCLR_Interop.h>\n#include <nanoCLR_Runtime.h>\n\n");
        foreach (var group in _entries.Where(e => e.Method is not null).GroupBy(e => e.Class))
        {
            text.Append("struct Library_").Append(Symbol).Append('_').Append(group.Key).Append("\n{\n");
            foreach ((_, string? method) in group)
                text.Append("    NANOCLR_NATIVE_DECLARE(").Append(method).Append(");\n");
            text.Append("};\n\n");
        }
        return text.Append("extern const CLR_RT_NativeAssemblyData g_CLR_AssemblyNative_").Append(Symbol).Append(";\n\n#endif\n").ToString();
    }

    /// <summary>The source with the table itself. The firmware's build finds version and checksum in it by a pattern: the form matters.</summary>
    internal string Source(Version version)
    {
        var text = new StringBuilder("// The native method table of ").Append(_assembly).Append(", computed from the assembly: see tests/README.md before changing a line.\n");
        text.Append("#include \"").Append(Symbol).Append(".h\"\n\n// clang-format off\n\nstatic const CLR_RT_MethodHandler method_lookup[] =\n{\n");
        foreach ((string type, string? method) in _entries)
            text.Append("    ").Append(method is null ? "NULL" : $"Library_{Symbol}_{type}::{method}").Append(",\n");
        text.Append("};\n\nconst CLR_RT_NativeAssemblyData g_CLR_AssemblyNative_").Append(Symbol).Append(" =\n{\n    \"").Append(_assembly).Append("\",\n");
        text.Append(CultureInfo.InvariantCulture, $"    0x{Checksum:X8},\n    method_lookup,\n");
        text.Append(CultureInfo.InvariantCulture, $"    {{ {version.Major}, {version.Minor}, {version.Build}, {version.Revision} }}\n}};\n\n// clang-format on\n");
        return text.ToString();
    }

    // Classes and structs; no interfaces, enums and delegates.
    private static bool IsInTable(TypeDefinition type) =>
        !type.IsInterface && !type.IsEnum && type.BaseType?.FullName is not ("System.MulticastDelegate" or "System.Delegate");

    private void Add(TypeDefinition type, MethodDefinition method)
    {
        if (method.RVA != 0 || method.IsAbstract)
        {
            _entries.Add((ClassName(type), null));
            Include("NULL");
            return;
        }
        _entries.Add((ClassName(type), MethodName(method)));
        Include(_assembly);
        Include(ClassName(type));
        Include(MethodName(method));
        _hasNative = true;
    }

    // Until the first native method is complete every part begins again from 0.
    private void Include(string text)
    {
        uint crc = Checksum;
        foreach (byte value in Encoding.ASCII.GetBytes(text))
        {
            crc ^= (uint)value << 24;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 0x80000000) != 0 ? (crc << 1) ^ 0x04C11DB7 : crc << 1;
        }
        _checksum = crc;
    }

    private static string ClassName(TypeDefinition? type) =>
        type is null ? "" : string.Join('_', ClassName(type.DeclaringType), type.Namespace, type.Name).Replace('.', '_').TrimStart('_');

    private static string MethodName(MethodDefinition method) =>
        (method.Name + (method.IsStatic ? "___STATIC__" : "___")
            + string.Join("__", method.Parameters.Select(p => p.ParameterType).Prepend(method.ReturnType).Select(TypeName)))
        .Replace('.', '_').Replace("/", "", StringComparison.Ordinal);

    private static string TypeName(TypeReference type) => type switch
    {
        ArrayType array => "SZARRAY_" + TypeName(array.ElementType),
        ByReferenceType reference => "BYREF_" + TypeName(reference.ElementType),
        _ => type.FullName switch
        {
            "System.Void" => "VOID", "System.Boolean" => "BOOLEAN", "System.Char" => "CHAR", "System.String" => "STRING", "System.Object" => "OBJECT",
            "System.SByte" => "I1", "System.Byte" => "U1", "System.Int16" => "I2", "System.UInt16" => "U2", "System.Int32" => "I4", "System.UInt32" => "U4",
            "System.Int64" => "I8", "System.UInt64" => "U8", "System.Single" => "R4", "System.Double" => "R8", "System.TimeSpan" => "TIMESPAN",
            var other => other.Replace(".", "", StringComparison.Ordinal),
        },
    };
}
