namespace IotPsk.TestSupport;

/// <summary>Where the source tree of a test that runs is.</summary>
internal static class SourceTree
{
    internal static string Root { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "IotPsk.sln")))
                return at.FullName;
        }

        throw new DirectoryNotFoundException("IotPsk.sln is in no folder above " + AppContext.BaseDirectory);
    }
}
