namespace IotPsk.Device.Host;

/// <summary>A failure told in one line: what is wrong, where, and how to mend it.</summary>
internal sealed class HostError(string what, string where, string mend, int exitCode = HostOptions.Failed) : Exception($"{what}; {where}; {mend}")
{
    internal int ExitCode => exitCode;
}
