namespace IotPsk.Interop.Tests.Support;

/// <summary>Where this source tree has its programs, and where a run leaves its logs.</summary>
internal static class Repository
{
    public static string Root { get; } = TestSupport.SourceTree.Root;

    public static string Gateway { get; } = Built("gateway/IotPsk.Gateway", "iotpsk");

    public static string Device { get; } = Built("device/IotPsk.Device.Host", "iotpsk-device");

    public static string Bench { get; } = Built("tests/bench", "iotpsk-bench");

    /// <summary>A start-up hook: the program it is given to overwrites no secret.</summary>
    public static string KeepsSecrets { get; } = Built("tests/interop/KeepsSecrets", "IotPsk.KeepsSecrets.dll");

    public static string NativeBuild { get; } = Path.Combine(Root, "hardware", "host", "build");

    /// <summary>Kept after the run: what every process of the lab named <paramref name="lab"/> said.</summary>
    public static string LogDirectory(string lab)
    {
        string path = Path.Combine(Root, "out", "test-results", "logs", lab);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        return Directory.CreateDirectory(path).FullName;
    }

    private static string Built(string project, string name) =>
        Path.Combine(Root, project, "bin", Configuration, "net10.0", name);

    private static string Configuration =>
        new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
}
