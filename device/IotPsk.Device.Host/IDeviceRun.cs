namespace IotPsk.Device.Host;

/// <summary>One virtual device on a thread of its own.</summary>
internal interface IDeviceRun : IDisposable
{
    /// <summary>Every message arrived.</summary>
    bool Succeeded { get; }

    void Run();

    /// <summary>Ends it soon; from any thread.</summary>
    void Stop();
}
