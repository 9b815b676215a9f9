namespace IotPsk.Device
{
    /// <summary>What stands behind a <see cref="TelemetryClient"/>: a protocol, and what it has not delivered yet.</summary>
    internal abstract class TelemetryLink
    {
        internal abstract string DeviceId { get; }

        internal abstract int Unacknowledged { get; }

        // How long it may take to leave in order, in milliseconds.
        internal abstract int FarewellTime { get; }

        // Throws ArgumentException at once for what is wrong, and PskException if too many wait.
        internal abstract int Send(string name, byte[] payload, int qualityOfService);

        internal abstract int Send(string path, double value);

        // One connection, from its beginning to its end, which comes as an exception; without one it is to be made anew at once. On the client's thread.
        internal abstract void Carry();

        // The connection is over, however that came.
        internal abstract void Leave();

        // Ends the connection in order, or the attempt to make one; from another thread, with the client's lock held.
        internal abstract void Farewell();

        // Ends whatever is left, and all attempts that come.
        internal abstract void Cancel();
    }
}
