using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>The server's wish to be notified of a path (RFC 7641).</summary>
    internal sealed class Observation
    {
        internal byte[] Token { get; set; }

        internal Lwm2mPath Path { get; set; }

        internal int Format { get; set; }

        // RFC 7641 s3.4: ever larger, 24 bits.
        internal int Sequence { get; set; }

        // When the last notification went out, in milliseconds of the device's clock.
        internal long NotifiedAt { get; set; }

        // Of a single number: what the server was told last.
        internal double Told { get; set; } = double.NaN;

        // Something changed since, and the server does not know it yet.
        internal bool IsChanged { get; set; }

        internal int TakeSequence()
        {
            int sequence = Sequence;
            Sequence = (sequence + 1) & CoapObserve.MaxSequence;
            return sequence;
        }
    }
}
