using System.Diagnostics;
using IotPsk.Net.Tests.Support;

namespace IotPsk.Net.Tests.Sessions;

public class OpenSslTests
{
    private static Process Client(Bench bench, string psk)
    {
        var start = new ProcessStartInfo("openssl")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string[] arguments = ["s_client", "-connect", bench.Server.ToString(), "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256",
            "-psk_identity", TestResolver.Device, "-psk", psk, "-quiet", "-no_ign_eof"];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("openssl does not start.");
    }

    private static void Finish(Process process)
    {
        if (process.WaitForExit(TimeSpan.FromSeconds(30))) return;
        process.Kill();
        throw new TimeoutException("openssl s_client does not end.");
    }

    [Fact]
    public void Openssl_s_client_talks_through_the_shard_and_leaves_cleanly()
    {
        using var bench = new Bench();
        using var process = Client(bench, Convert.ToHexString(TestResolver.Key));
        process.StandardInput.WriteLine("hello from openssl");
        Assert.Equal("hello from openssl", process.StandardOutput.ReadLine());
        process.StandardInput.Close();
        Finish(process);
        bench.Events.Wait("closed PeerClosed");
        Assert.Equal(TestResolver.Device, Assert.Single(bench.Events.Sessions).Tag);
    }

    [Fact]
    public void Openssl_s_client_with_the_wrong_key_is_told_so()
    {
        using var bench = new Bench();
        using var process = Client(bench, new string('7', 64));
        var errors = process.StandardError.ReadToEnd();
        Finish(process);
        Assert.Contains("alert", errors, StringComparison.Ordinal);
        bench.Events.Wait("failed Tls");
        Assert.NotEqual(0, process.ExitCode);
    }
}
