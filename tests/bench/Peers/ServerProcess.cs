using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Diagnostics.NETCore.Client;

namespace IotPsk.Bench;

/// <summary>A server under load, as its own process: CPU time by its clock, memory by the kernel.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private const int FirstPort = 10_000, LastPort = 20_000;
    private static int s_nextPort = FirstPort + (Environment.ProcessId * 16 % ((LastPort - FirstPort) / 2));
    private readonly Process _process;
    private readonly int _clock;

    internal ServerProcess(string program, IEnumerable<string> arguments, int port)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin";
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        _process.OutputDataReceived += (_, _) => { };
        var last = "";
        _process.ErrorDataReceived += (_, line) => last = line.Data ?? last;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        for (int i = 0; !Answers(port); i++)
        {
            if (i == 200 || _process.HasExited)
                throw new InvalidOperationException($"{program} does not listen on {port}: {last}");
            Thread.Sleep(50);
        }
        if (clock_getcpuclockid(_process.Id, out _clock) != 0)
            throw new InvalidOperationException("no CPU clock for the process");
    }

    /// <summary>User and system time used so far, in microseconds.</summary>
    internal double CpuMicroseconds
    {
        get
        {
            clock_gettime(_clock, out Timespec time);
            return (time.Seconds * 1e6) + (time.Nanoseconds / 1e3);
        }
    }

    /// <summary>Resident memory, in bytes.</summary>
    internal long ResidentBytes
    {
        get
        {
            string line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line.AsSpan(6).Trim(" \tkB"), CultureInfo.InvariantCulture) * 1024;
        }
    }

    /// <summary>Resident memory, of a .NET process after a full collection.</summary>
    internal long CollectedBytes(bool isDotnet)
    {
        const long GCHeapCollect = 0x800000;
        for (int i = 0; isDotnet && i < 2; i++)
        {
            // A session with this keyword begins with a full, blocking collection; its end is waited for by reading the stream out.
            var client = new DiagnosticsClient(_process.Id);
            using EventPipeSession session = client.StartEventPipeSession(new EventPipeProvider("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, GCHeapCollect));
            Task reading = session.EventStream.CopyToAsync(Stream.Null);
            Thread.Sleep(300);
            session.Stop();
            reading.Wait(TimeSpan.FromSeconds(30));
        }
        return ResidentBytes;
    }

    /// <summary>
    /// A port nobody listens on, and nobody on the next one either; below those that the kernel gives to outgoing connections, of which
    /// a run leaves thousands behind.
    /// </summary>
    internal static int FreePort()
    {
        while (s_nextPort < LastPort)
        {
            int port = s_nextPort;
            s_nextPort += 2;
            if (IsFree(port) && IsFree(port + 1))
                return port;
        }
        throw new InvalidOperationException($"no two free ports in a row below {LastPort}");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    internal static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool Answers(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Asks it to end in order, and waits for that.</summary>
    internal void Stop()
    {
        _ = kill(_process.Id, Terminate);
        if (!_process.WaitForExit(TimeSpan.FromSeconds(60)))
            throw new InvalidOperationException($"{_process.StartInfo.FileName} does not end");
        Dispose();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Timespec
    {
        internal readonly long Seconds;
        internal readonly long Nanoseconds;
    }

    private const int Terminate = 15;

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc")]
    private static partial int clock_getcpuclockid(int pid, out int clock);

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Timespec time);
}
