using System.ComponentModel;
using System.Diagnostics;

namespace IotPsk.Keys.Tests.Support;

/// <summary>Runs the programs the tests rest on.</summary>
internal static class Processes
{
    // What this process has open, such as another test's connection to a TPM, must not stay open because of what it starts: swtpm serves one
    // connection at a time, and would wait for the end of that one.
    private const string Bare = """
        for fd in /proc/self/fd/*; do
          fd=${fd##*/}
          if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
        done
        exec "$0" "$@"
        """;

    public static Process Start(ProcessStartInfo start, string program)
    {
        string[] arguments = ["-c", Bare, start.FileName, .. start.ArgumentList];
        start.FileName = "bash";
        start.ArgumentList.Clear();
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException(
                $"{program} is needed by this test and cannot be run ({e.Message}): 'make test' installs it (Debian packages swtpm and tpm2-tools).", e);
        }
    }

    /// <summary>Runs a program to its end; its standard output. A failure of the program is a failure of the test.</summary>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Start(start, program);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {error.Result}");
    }
}
