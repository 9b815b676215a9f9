namespace IotPsk.Device
{
    /// <summary>Where a <see cref="TelemetryClient"/> is.</summary>
    public enum TelemetryState
    {
        /// <summary>Not started yet.</summary>
        Idle = 0,

        /// <summary>Making a connection.</summary>
        Connecting = 1,

        /// <summary>Connected: what is sent goes out at once.</summary>
        Connected = 2,

        /// <summary>Waiting before the next attempt to connect.</summary>
        Waiting = 3,

        /// <summary>Stopped, or not to connect again.</summary>
        Ended = 4,
    }
}
