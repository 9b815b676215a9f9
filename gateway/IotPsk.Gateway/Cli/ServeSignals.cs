using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace IotPsk.Gateway.Cli;

/// <summary>What a signal asks of <c>serve</c>.</summary>
internal enum ServeSignal { Reload, Stop }

/// <summary>SIGHUP, SIGTERM and SIGINT, one after the other: those that come before anybody asks are kept.</summary>
internal sealed class ServeSignals : IDisposable
{
    // Ten SIGHUP at once are one reload more, with what the file holds then.
    private readonly Channel<ServeSignal> _reloads = Channel.CreateBounded<ServeSignal>(1);
    private readonly TaskCompletionSource _stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    internal ServeSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnReload),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnStop),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnStop),
    ];

    /// <summary>Waits for the next one; a stop comes before everything.</summary>
    internal async Task<ServeSignal> NextAsync()
    {
        Task<bool> reload = _reloads.Reader.WaitToReadAsync().AsTask();
        await Task.WhenAny(_stop.Task, reload);
        return !_stop.Task.IsCompleted && _reloads.Reader.TryRead(out ServeSignal signal) ? signal : ServeSignal.Stop;
    }

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void OnReload(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _reloads.Writer.TryWrite(ServeSignal.Reload);
    }

    // A second one ends the process at once.
    private void OnStop(PosixSignalContext signal) => signal.Cancel = _stop.TrySetResult();
}
