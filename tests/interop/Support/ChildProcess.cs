using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace IotPsk.Interop.Tests.Support;

internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit {ExitCode}{Environment.NewLine}{Output}{Error}";
}

/// <summary>A process of the lab: what it says is kept line by line, and it is ended by its id at the latest with the test run.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly ConcurrentDictionary<int, Process> Running = StartReaper();
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly StreamWriter? _log;
    private readonly Lock _gate = new();

    private ChildProcess(string name, Process process, string? logFile)
    {
        Name = name;
        _process = process;
        _log = logFile is null ? null : new StreamWriter(logFile, append: true) { AutoFlush = true };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        Running[process.Id] = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Everything said so far, both streams, a line each.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
                return [.. _lines];
        }
    }

    public static ChildProcess Start(string program, IEnumerable<string> arguments, string? logFile = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        Process process = Prepare(program, arguments, environment);
        return new ChildProcess(Path.GetFileName(program), process, logFile);
    }

    /// <summary>Runs a program that ends by itself; one that does not is killed, and the test fails.</summary>
    public static CommandResult Run(string program, IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment = null, ReadOnlyMemory<byte> input = default, TimeSpan? patience = null)
    {
        using Process process = Prepare(program, arguments, environment);
        process.Start();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(input.Span);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all of it: its exit code and output tell.
        }

        TimeSpan limit = patience ?? Poll.Patience;
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {limit.TotalSeconds:0} s.{Environment.NewLine}{output.Result}{error.Result}");
        }

        return new CommandResult(process.ExitCode, output.Result, error.Result);
    }

    public void Signal(string name) => Run("kill", ["-" + name, Id.ToString(CultureInfo.InvariantCulture)]);

    public string WaitForLine(Func<string, bool> wanted, string what, int from = 0) =>
        Poll.For(() =>
        {
            bool exited = _process.HasExited;
            if (exited)
                _process.WaitForExit();                 // its last words are read
            return Lines.Skip(from).FirstOrDefault(wanted) ?? (exited ? throw EndedWithout(what) : null);
        }, what, Tail);

    public int WaitForExit(TimeSpan? patience = null)
    {
        Poll.Until(() => _process.HasExited, $"{Name} ends", Tail, patience);
        _process.WaitForExit();                         // both streams read to their ends
        return _process.ExitCode;
    }

    public string Tail() => $"--- {Name} ({Id}) ---{Environment.NewLine}" + string.Join(Environment.NewLine, Lines.TakeLast(40));

    /// <summary>Asks it to end, and makes it end if it does not listen.</summary>
    public int Stop(TimeSpan? patience = null)
    {
        if (!_process.HasExited)
            Signal("TERM");
        return WaitForExit(patience);
    }

    public void Dispose()
    {
        try
        {
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        finally
        {
            Running.TryRemove(Id, out _);
            _process.Dispose();
            lock (_gate)
                _log?.Dispose();
        }
    }

    private static Process Prepare(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin";
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        return new Process { StartInfo = start };
    }

    private static ConcurrentDictionary<int, Process> StartReaper()
    {
        ConcurrentDictionary<int, Process> running = new();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (Process process in running.Values)
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
        };
        return running;
    }

    private InvalidOperationException EndedWithout(string what) =>
        new($"{Name} ended (exit {_process.ExitCode}) before this: {what}{Environment.NewLine}{Tail()}");

    private void Keep(object sender, DataReceivedEventArgs received)
    {
        if (received.Data is null)
            return;
        lock (_gate)
        {
            _lines.Add(received.Data);
            try
            {
                _log?.WriteLine(received.Data);
            }
            catch (ObjectDisposedException)
            {
                // The last words of a process that was already given up.
            }
        }
    }
}
