using System.Diagnostics;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A run of `openssl s_client` with one line of input, bounded in time.</summary>
internal static class OpenSslClient
{
    public static async Task<string> RunAsync(int port, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["s_client", "-connect", $"127.0.0.1:{port}", "-tls1_3", .. arguments])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteLineAsync(input);
            await process.StandardInput.FlushAsync(limit.Token);
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return output + await errors;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
