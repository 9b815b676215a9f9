namespace IotPsk.Device.Tests.NanoFramework;

/// <summary>A package of the device runtime, and the assembly in it.</summary>
/// <param name="Id">Its NuGet id.</param>
/// <param name="Version">The version that belongs to the firmware of hardware/README.md.</param>
/// <param name="Assembly">The assembly, without its extension.</param>
internal sealed record NanoPackage(string Id, string Version, string Assembly)
{
    /// <summary>All that the projects use. A firmware takes assemblies of its own versions only: they change together.</summary>
    internal static readonly NanoPackage[] All =
    [
        new("nanoFramework.CoreLibrary", "1.17.11", "mscorlib"),
        new("nanoFramework.Hardware.Esp32", "1.6.42", "nanoFramework.Hardware.Esp32"),
        new("nanoFramework.Runtime.Events", "1.11.39", "nanoFramework.Runtime.Events"),
        new("nanoFramework.Runtime.Native", "1.7.11", "nanoFramework.Runtime.Native"),
        new("nanoFramework.System.Collections", "1.5.75", "nanoFramework.System.Collections"),
        new("nanoFramework.System.Device.I2c", "1.1.29", "System.Device.I2c"),
        new("nanoFramework.System.Device.Wifi", "1.5.149", "System.Device.Wifi"),
        new("nanoFramework.System.IO.FileSystem", "1.1.93", "System.IO.FileSystem"),
        new("nanoFramework.System.IO.Streams", "1.1.96", "System.IO.Streams"),
        new("nanoFramework.System.Net", "1.11.60", "System.Net"),
        new("nanoFramework.System.Text", "1.3.42", "nanoFramework.System.Text"),
        new("nanoFramework.System.Threading", "1.1.52", "System.Threading"),
    ];

    internal static NanoPackage Of(string assembly) => All.Single(p => p.Assembly == assembly);

    // Every package that another one wants has to be named too: packages.config knows no dependencies.
    internal static readonly Dictionary<string, string[]> Wants = new()
    {
        ["mscorlib"] = [],
        ["nanoFramework.Hardware.Esp32"] = ["mscorlib", "nanoFramework.Runtime.Events", "nanoFramework.Runtime.Native"],
        ["nanoFramework.Runtime.Events"] = ["mscorlib"],
        ["nanoFramework.Runtime.Native"] = ["mscorlib"],
        ["nanoFramework.System.Collections"] = ["mscorlib", "nanoFramework.System.Text"],
        ["System.Device.I2c"] = ["mscorlib"],
        ["System.Device.Wifi"] = ["mscorlib", "nanoFramework.Runtime.Events", "System.Net", "System.Threading"],
        ["System.IO.FileSystem"] = ["mscorlib", "nanoFramework.Runtime.Events", "nanoFramework.System.Text", "System.IO.Streams"],
        ["System.IO.Streams"] = ["mscorlib", "nanoFramework.System.Text"],
        ["System.Net"] = ["mscorlib", "nanoFramework.Runtime.Events", "nanoFramework.System.Text", "System.IO.Streams", "System.Threading"],
        ["nanoFramework.System.Text"] = ["mscorlib"],
        ["System.Threading"] = ["mscorlib"],
    };
}
