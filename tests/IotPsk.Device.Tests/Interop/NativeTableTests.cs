using System.Text.RegularExpressions;
using IotPsk.TestSupport;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace IotPsk.Device.Tests.Interop;

/// <summary>What the firmware registers for IotPsk.Device.Native is what the board computes from the assembly.</summary>
public sealed partial class NativeTableTests
{
    private const string Name = "IotPsk.Device.Native";
    private static readonly string Directory = Path.Combine(SourceTree.Root, "hardware", "firmware", "interop");

    private static AssemblyDefinition Stub() =>
        AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, "stub", Name + ".dll"));

    private static string Text(string file) => File.ReadAllText(Path.Combine(Directory, file));

    // From the public sample of an interop library, whose generated table carries this checksum.
    [Fact]
    public void The_checksum_of_a_published_interop_library_is_computed()
    {
        using AssemblyDefinition assembly = Sample("NF.AwesomeLib",
            ("NF.AwesomeLib", "Utilities", ["get_HardwareSerial", ".ctor", "NativeGetHardwareSerial(byte[])"]),
            ("NF.AwesomeLib", "Math", ["SuperComplicatedCalculation", ".ctor", "NativeSuperComplicatedCalculation(double)double"]));
        NativeTable table = NativeTable.Of(assembly);
        Assert.Equal(0xEE794AFBu, table.Checksum);
        Assert.Equal(
            [null, null, "NativeSuperComplicatedCalculation___STATIC__R8__R8", null, null, "NativeGetHardwareSerial___STATIC__VOID__SZARRAY_U1"],
            table.Entries.Select(e => e.Method));
    }

    [Fact]
    public void An_assembly_without_natives_has_checksum_0()
    {
        using AssemblyDefinition assembly = Sample("Plain", ("Plain", "Thing", [".ctor", "get_Number"]));
        Assert.Equal(0u, NativeTable.Of(assembly).Checksum);
    }

    [Fact]
    public void The_native_table_and_its_checksum_are_those_of_the_stub()
    {
        using AssemblyDefinition stub = Stub();
        NativeTable table = NativeTable.Of(stub);
        string header = table.Header(), source = table.Source(Version());
        if (Environment.GetEnvironmentVariable("IOTPSK_REWRITE_INTEROP") == "1")
        {
            File.WriteAllText(Path.Combine(Directory, "IotPsk_Device_Native.h"), header);
            File.WriteAllText(Path.Combine(Directory, "IotPsk_Device_Native.cpp"), source);
        }
        Assert.Equal(header, Text("IotPsk_Device_Native.h"));
        Assert.Equal(source, Text("IotPsk_Device_Native.cpp"));
        // Every method of the assembly is in the table, and all are native: none that a newer C# put in, which would shift the places.
        Assert.Equal(stub.MainModule.GetTypes().Sum(t => t.Methods.Count), table.Entries.Count);
        Assert.All(table.Entries, entry => Assert.NotNull(entry.Method));
    }

    [Fact]
    public void Each_native_of_the_table_is_written_once_and_nothing_else_is()
    {
        using AssemblyDefinition stub = Stub();
        IEnumerable<string> written = Definition().Matches(Text("IotPsk_Device_Native_IotPsk_Device_Native_PskCore.cpp")).Select(m => m.Groups[1].Value);
        Assert.Equal(NativeTable.Of(stub).Entries.Select(e => e.Method), written);
    }

    [Theory]
    [InlineData("added to the stub")]
    [InlineData("taken from the stub")]
    [InlineData("with another parameter")]
    [InlineData("moved")]
    public void A_changed_stub_is_noticed(string change)
    {
        using AssemblyDefinition stub = Stub();
        TypeDefinition core = stub.MainModule.GetType(Name + ".PskCore");
        string before = NativeTable.Of(stub).Source(Version());
        MethodDefinition last = core.Methods[^1];
        switch (change)
        {
            case "added to the stub":
                core.Methods.Add(Native("Added", stub.MainModule.TypeSystem.Int32));
                break;
            case "taken from the stub":
                core.Methods.Remove(last);
                break;
            case "with another parameter":
                last.Parameters.Add(new ParameterDefinition(stub.MainModule.TypeSystem.Int32));
                break;
            default:
                core.Methods.Remove(last);
                core.Methods.Insert(0, last);
                break;
        }
        NativeTable after = NativeTable.Of(stub);
        Assert.NotEqual(before, after.Source(Version()));
        Assert.DoesNotContain(after.Checksum.ToString("X8"), before, StringComparison.Ordinal);
    }

    // The pattern of nf-interpreter's build: it stops at the first "0" on its way to the checksum, which the name must not have.
    [Fact]
    public void The_build_of_the_firmware_finds_version_and_checksum()
    {
        Match found = FirmwarePattern().Match(Text("IotPsk_Device_Native.cpp"));
        Assert.True(found.Success);
        using AssemblyDefinition stub = Stub();
        Assert.Equal(NativeTable.Of(stub).Checksum.ToString("X8"), found.Groups[1].Value);
        Assert.Equal(Version(), new Version($"{found.Groups[2]}.{found.Groups[3]}.{found.Groups[4]}.{found.Groups[5]}"));
        Assert.DoesNotContain('0', Name);
    }

    // As the stub says in AssemblyNativeVersion, which only the board's own base library has.
    private static Version Version() =>
        new(VersionAttribute().Match(File.ReadAllText(Path.Combine(SourceTree.Root, "device", Name, "AssemblyNativeVersion.cs"))).Groups[1].Value);

    [GeneratedRegex(@"AssemblyNativeVersion\(""([0-9.]+)""\)")]
    private static partial Regex VersionAttribute();

    [GeneratedRegex(@"^HRESULT PskCore::(\w+)\(CLR_RT_StackFrame &stack\)$", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"\s+CLR_RT_NativeAssemblyData\s+g_CLR_AssemblyNative_IotPsk_Device_Native\s*=[^{]+{[^0]+0x([0-9A-Za-z]+)[^{]+{\s*([0-9]+)\s*,\s*([0-9]+)\s*,\s*([0-9]+)\s*,\s*([0-9]+)")]
    private static partial Regex FirmwarePattern();

    // "Name(byte[])" and "Name(double)double" are native and static; ".ctor" and the others have a body.
    private static AssemblyDefinition Sample(string name, params (string Space, string Type, string[] Methods)[] types)
    {
        using var made = AssemblyDefinition.CreateAssembly(new AssemblyNameDefinition(name, new Version(1, 0)), name, ModuleKind.Dll);
        TypeSystem system = made.MainModule.TypeSystem;
        foreach ((string space, string type, string[] methods) in types)
        {
            var added = new TypeDefinition(space, type, TypeAttributes.Public | TypeAttributes.Class, system.Object);
            made.MainModule.Types.Add(added);
            foreach (string method in methods)
                added.Methods.Add(method.Contains('(') ? Native(made, method) : Managed(made, method));
        }
        var bytes = new MemoryStream();
        made.Write(bytes);
        bytes.Position = 0;
        return AssemblyDefinition.ReadAssembly(bytes);
    }

    private static MethodDefinition Managed(AssemblyDefinition assembly, string name)
    {
        bool isConstructor = name == ".ctor";
        var method = new MethodDefinition(name, isConstructor ? MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.RTSpecialName
            : name == "get_HardwareSerial" ? MethodAttributes.Public | MethodAttributes.Static : MethodAttributes.Public, assembly.MainModule.TypeSystem.Void);
        method.Body.GetILProcessor().Emit(OpCodes.Ret);
        return method;
    }

    private static MethodDefinition Native(AssemblyDefinition assembly, string signature)
    {
        TypeSystem system = assembly.MainModule.TypeSystem;
        bool isDouble = signature.EndsWith("double", StringComparison.Ordinal);
        MethodDefinition method = Native(signature[..signature.IndexOf('(')], isDouble ? system.Double : system.Void);
        method.Parameters.Add(new ParameterDefinition(isDouble ? system.Double : new ArrayType(system.Byte)));
        return method;
    }

    private static MethodDefinition Native(string name, TypeReference result) =>
        new(name, MethodAttributes.Private | MethodAttributes.Static, result) { ImplAttributes = MethodImplAttributes.InternalCall };
}
