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

    [Fact]
    public void The_stub_and_its_twin_have_the_same_surface()
    {
        using AssemblyDefinition stub = Read("stub/IotPsk.Device.Native.dll"), twin = Read("IotPsk.Device.Native.dll");
        Assert.Equal(stub.Name.Name, twin.Name.Name);
        string[] surface = [.. Surface(stub)];
        Assert.Equal(surface, Surface(twin));
        Assert.True(surface.Length > 10);
        Assert.All(stub.MainModule.GetType("IotPsk.Device.Native.PskCore").Methods, method => Assert.True(method.IsInternalCall, method.Name));
        // No "0" in the name: the firmware's build finds the version by a pattern that it would break.
        Assert.DoesNotContain('0', stub.Name.Name);
    }

    private static IEnumerable<string> Surface(AssemblyDefinition assembly) =>
        from type in assembly.MainModule.Types
        where type.IsPublic
        from method in type.Methods
        where method.IsPublic
        orderby method.FullName
        select method.FullName;
}
