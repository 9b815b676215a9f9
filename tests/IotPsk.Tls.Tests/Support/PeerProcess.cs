using System.Diagnostics;
using System.Threading.Channels;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A run of another TLS implementation's command, bounded in time, ended by its own id.</summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(20));
    private readonly Process _process;
    private readonly Channel<string> _errors = Channel.CreateUnbounded<string>();

    public PeerProcess(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                _errors.Writer.TryComplete();
            else
                _errors.Writer.TryWrite(line.Data);
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs `openssl s_client` over TLS 1.3 with some lines of input until the server closes.</summary>
    public static async Task<string> OpenSslClientAsync(int port, string input, params string[] arguments)
    {
        using var process = new PeerProcess("openssl", ["s_client", "-connect", $"127.0.0.1:{port}", .. arguments]);
        return await process.TalkAsync(input);
    }

    public async Task<string> TalkAsync(string input)
    {
        await SendAsync(input);
        string output = await _process.StandardOutput.ReadToEndAsync(_limit.Token);
        await _process.WaitForExitAsync(_limit.Token);
        return output + await ErrorsAsync();
    }

    public async Task SendAsync(string input)
    {
        await _process.StandardInput.WriteAsync(input.AsMemory(), _limit.Token);
        await _process.StandardInput.FlushAsync(_limit.Token);
    }

    public async Task WaitForErrorLineAsync(string text)
    {
        await foreach (string line in _errors.Reader.ReadAllAsync(_limit.Token))
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        throw new InvalidOperationException($"the peer ended without saying '{text}'");
    }

    public async Task WaitForLineAsync(string text)
    {
        while (await _process.StandardOutput.ReadLineAsync(_limit.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        throw new InvalidOperationException($"the peer ended without saying '{text}': {await ErrorsAsync()}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _limit.Dispose();
    }

    private async Task<string> ErrorsAsync()
    {
        var lines = new List<string>();
        await foreach (string line in _errors.Reader.ReadAllAsync(_limit.Token))
            lines.Add(line);
        return string.Join('\n', lines);
    }
}
