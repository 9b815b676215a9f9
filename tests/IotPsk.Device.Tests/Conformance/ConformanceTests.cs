using IotPsk.TestSupport;
using Mono.Cecil;

namespace IotPsk.Device.Tests.Conformance;

/// <summary>What is compiled here for .NET compiles for the board too: held against the API lists of the v1 runtime.</summary>
public sealed class ConformanceTests
{
    private static readonly ApiList Api = ApiList.Load(Path.Combine(AppContext.BaseDirectory, "nanoframework-api"));

    private static AssemblyDefinition Read(string file) => AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, file));

    [Theory]
    [InlineData("IotPsk.Shared.dll")]
    [InlineData("IotPsk.Device.dll")]
    [InlineData("IotPsk.Device.App.dll")]
    [InlineData("stub/IotPsk.Device.Native.dll")]
    public void Device_code_uses_the_subset_and_the_API_of_the_device_alone(string file)
    {
        Assert.True(Api.Count > 1000, "the API lists are read");
        using AssemblyDefinition assembly = Read(file);
        IReadOnlyList<string> violations = new DeviceRules(Api).Check(assembly);
        Assert.True(violations.Count == 0, string.Join("\n", violations));
    }

    [Theory]
    [InlineData("GenericTypeSample`1", "declares a generic type")]
    [InlineData("GenericInstanceSample", "uses the generic type")]
    [InlineData("GenericMethodSample", "declares a generic method")]
    [InlineData("GenericCallSample", "calls the generic method")]
    [InlineData("NullableSample", "uses Nullable")]
    [InlineData("AsyncSample", "is async")]
    [InlineData("TupleSample", "uses a tuple")]
    [InlineData("ActionSample", "uses Action or Func")]
    [InlineData("FuncSample", "uses Action or Func")]
    [InlineData("MultidimensionalSample", "uses a multidimensional array")]
    [InlineData("LinqSample", "uses LINQ")]
    [InlineData("SpanSample", "uses Span")]
    [InlineData("FilterSample", "has an exception filter")]
    [InlineData("StaticStateSample", "is static and can change")]
    [InlineData("StaticObjectSample", "is static and holds an object that can change")]
    [InlineData("IteratorSample", "is an iterator")]
    [InlineData("TaskSample", "uses Task")]
    [InlineData("PointerSample", "uses a pointer")]
    [InlineData("StackSample", "allocates on the stack")]
    [InlineData("OverflowSample", "relies on the overflow check")]
    [InlineData("IDefaultSample", "has a body in an interface")]
    [InlineData("VolatileSample", "IsVolatile, which the device does not have")]
    [InlineData("AttributeSample", "ThreadStaticAttribute, which the device does not have")]
    [InlineData("RangeSample", "uses System.Range, which the device does not have")]
    [InlineData("LambdaSample", "is static and can change")]
    [InlineData("ForeignBaseSample", "CollectionBase, which the device does not have")]
    [InlineData("ForeignFieldSample", "IPAddress::IPv6None, which the device does not have")]
    [InlineData("ForeignTypeSample", "Regex, which the device does not have")]
    [InlineData("ForeignMemberSample", "Contains(string,System.StringComparison), which the device does not have")]
    [InlineData("ForeignOverloadSample", "System.String.Split")]
    public void What_the_device_does_not_take_is_found(string sample, string violation)
    {
        using AssemblyDefinition assembly = Read("IotPsk.Device.Tests.dll");
        TypeDefinition type = assembly.MainModule.GetType("IotPsk.Device.Tests.Conformance." + sample);
        Assert.Contains(new DeviceRules(Api).Check(type), found => found.Contains(violation, StringComparison.Ordinal));
    }

    // The sources of an assembly for boards are C# 9 in both builds of it.
    [Theory]
    [InlineData("device/Directory.Build.props")]
    [InlineData("shared/IotPsk.Shared/IotPsk.Shared.csproj")]
    public void Device_code_is_compiled_as_CSharp_9(string file) =>
        Assert.Contains("<LangVersion>9.0</LangVersion>", File.ReadAllText(Path.Combine(SourceTree.Root, file)), StringComparison.Ordinal);

    [Fact]
    public void What_a_newer_compiler_puts_beside_natives_is_found()
    {
        using AssemblyDefinition stub = Read("stub/IotPsk.Device.Native.dll");
        var attribute = new TypeDefinition("System.Runtime.CompilerServices", "RefSafetyRulesAttribute", TypeAttributes.NotPublic, stub.MainModule.TypeSystem.Object);
        attribute.Methods.Add(new MethodDefinition(".ctor", MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.RTSpecialName, stub.MainModule.TypeSystem.Void));
        stub.MainModule.Types.Add(attribute);
        Assert.Contains("IotPsk.Device.Native: has natives and System.Runtime.CompilerServices.RefSafetyRulesAttribute, which its compiler put in", new DeviceRules(Api).Check(stub));
    }

    [Theory]
    [InlineData("stub/IotPsk.Device.Native.dll", true)]
    [InlineData("IotPsk.Device.dll", false)]
    public void A_zero_in_the_name_of_an_assembly_with_natives_is_found(string file, bool isFound)
    {
        using AssemblyDefinition assembly = Read(file);
        assembly.Name.Name = "IotPsk.Native10";
        Assert.Equal(isFound, new DeviceRules(Api).Check(assembly).Contains("IotPsk.Native10: has natives and a 0 in its name"));
    }

    [Fact]
    public void The_stub_and_its_twin_have_the_same_surface()
    {
        using AssemblyDefinition stub = Read("stub/IotPsk.Device.Native.dll"), twin = Read("IotPsk.Device.Native.dll");
        Assert.Equal(stub.Name.Name, twin.Name.Name);
        string[] surface = [.. Surface(stub)];
        Assert.Equal(surface, Surface(twin));
        Assert.True(surface.Length > 10);
        Assert.All(stub.MainModule.GetType("IotPsk.Device.Native.PskCore").Methods, method => Assert.True(method.IsInternalCall, method.Name));
    }

    private static IEnumerable<string> Surface(AssemblyDefinition assembly) =>
        from type in assembly.MainModule.Types
        where type.IsPublic
        from method in type.Methods
        where method.IsPublic
        orderby method.FullName
        select method.FullName;
}
