namespace IotPsk.Interop.Tests;

/// <summary>Tests that put the whole machine under load: they run one after the other, beside nobody.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneTests
{
    internal const string Name = "alone";
}
