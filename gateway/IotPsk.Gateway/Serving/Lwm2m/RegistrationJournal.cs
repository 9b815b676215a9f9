using System.Globalization;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Registration;
using Microsoft.Extensions.Logging;

namespace IotPsk.Gateway.Serving.Lwm2m;

/// <summary>
/// Registrations on the disk: lines of JSON, appended twice a second and flushed, the last line of a device counts. A crash costs what is
/// younger than that: a device whose registration is lost hears 4.04 at its next update and registers again. A file that has grown to twice
/// what is alive in it is written anew beside the old one and takes its place at once.
/// </summary>
internal sealed class RegistrationJournal : IAsyncDisposable
{
    internal const string FileName = "registrations.jsonl";

    private const int LeastGrowth = 4 << 20;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly string _path;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Func<DeviceRegistration[]> _all;
    private readonly Func<string, IReadOnlyList<IReadOnlyList<ObjectPath>>> _observe;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private Dictionary<string, DeviceRegistration?> _changed = new(StringComparer.Ordinal);
    private FileStream? _file;
    private long _growth, _live;
    private bool _isBroken;
    private Task _writing = Task.CompletedTask;

    /// <param name="directory">The state directory.</param>
    /// <param name="all">What is alive, for a file written anew.</param>
    /// <param name="observe">What is observed of a device by request.</param>
    /// <param name="time">The clock of the interval.</param>
    /// <param name="log">Is told what cannot be written.</param>
    internal RegistrationJournal(string directory, Func<DeviceRegistration[]> all, Func<string, IReadOnlyList<IReadOnlyList<ObjectPath>>> observe, TimeProvider time, ILogger log)
    {
        _path = Path.Combine(directory, FileName);
        (_all, _observe, _time, _log) = (all, observe, time, log);
    }

    /// <summary>What the last run left. A line that was cut off by a crash, or damaged since, costs one device a new registration.</summary>
    internal IReadOnlyCollection<RegistrationLine> Load()
    {
        var found = new Dictionary<string, RegistrationLine>(StringComparer.Ordinal);
        byte[] content;
        try
        {
            content = File.Exists(_path) ? File.ReadAllBytes(_path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.Problem($"The registrations of the last run cannot be read, and devices will have to register again: {e.Message}");
            return [];
        }
        int unreadable = 0;
        for (int start = 0; start < content.Length;)
        {
            int length = content.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0)
                break;
            if (RegistrationJson.Read(content.AsSpan(start, length)) is not { } line)
                unreadable++;
            else if (line.ToRegistration() is not null)
                found[line.Device] = line;
            else
                found.Remove(line.Device);
            start += length + 1;
        }
        if (unreadable > 0)
            _log.Problem(string.Create(CultureInfo.InvariantCulture, $"{unreadable} lines of {FileName} cannot be read: devices whose registrations they were have to register again"));
        return found.Values;
    }

    /// <summary>Begins to write; the file is made anew from what is alive.</summary>
    internal void Start()
    {
        TryWrite(Rewrite);
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Takes note of a registration, or with null of its end. Does not block.</summary>
    internal void Note(string deviceId, DeviceRegistration? registration)
    {
        lock (_gate)
            _changed[deviceId] = registration;
    }

    /// <summary>Writes what is not written yet.</summary>
    internal void Flush() => TryWrite(Append);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _writing;
        Flush();
        _file?.Dispose();
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Interval, _time, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            TryWrite(Append);
        }
    }

    private void TryWrite(Action write)
    {
        try
        {
            write();
            _isBroken = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Half a line may stand there now: a new file is tried at the next turn.
            _file?.Dispose();
            _file = null;
            if (!_isBroken)
                _log.Problem($"Registrations cannot be kept over a restart: {e.Message}");
            _isBroken = true;
        }
    }

    private void Append()
    {
        Dictionary<string, DeviceRegistration?> changed;
        lock (_gate)
        {
            if (_changed.Count == 0 && _file is not null)
                return;
            changed = _changed;
            _changed = new Dictionary<string, DeviceRegistration?>(StringComparer.Ordinal);
        }
        if (_file is null || _growth > Math.Max(_live, LeastGrowth))
        {
            Rewrite();
            return;
        }
        long before = _file.Position;
        foreach ((string device, DeviceRegistration? registration) in changed)
            Write(_file, registration is null ? new RegistrationLine { Device = device } : RegistrationLine.Of(registration, _observe(registration.DeviceId)));
        _file.Flush(flushToDisk: true);
        _growth += _file.Position - before;
    }

    // The new file is whole on the disk before it takes the old one's place.
    private void Rewrite()
    {
        string fresh = _path + ".new";
        FileStream file = Open(fresh);
        try
        {
            foreach (DeviceRegistration registration in _all())
                Write(file, RegistrationLine.Of(registration, _observe(registration.DeviceId)));
            file.Flush(flushToDisk: true);
            File.Move(fresh, _path, overwrite: true);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        _file?.Dispose();
        _file = file;
        _live = file.Position;
        _growth = 0;
    }

    private static FileStream Open(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.Create,
        Access = FileAccess.Write,
        Share = FileShare.Read,
        BufferSize = 1 << 16,
        UnixCreateMode = Mode,
    });

    private static void Write(FileStream file, RegistrationLine line)
    {
        file.Write(RegistrationJson.Write(line));
        file.WriteByte((byte)'\n');
    }
}
