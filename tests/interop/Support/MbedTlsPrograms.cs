namespace IotPsk.Interop.Tests.Support;

/// <summary>mbedTLS's own sample programs, built on first use.</summary>
internal static class MbedTlsPrograms
{
    private static readonly Lazy<string> Built = new(() =>
    {
        CommandResult result = ChildProcess.Run(Path.Combine(Repository.Root, "tests", "interop", "mbedtls-programs.sh"), [], patience: TimeSpan.FromMinutes(5));
        return result.ExitCode == 0 ? result.Output.Trim() : throw new InvalidOperationException("mbedtls-programs.sh: " + result);
    });

    public static string Directory => Built.Value;
}
