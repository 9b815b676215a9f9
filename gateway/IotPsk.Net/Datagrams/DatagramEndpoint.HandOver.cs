namespace IotPsk.Net.Datagrams;

/// <summary>Datagrams whose connection id names another shard: their device's address has changed, or the kernel did not steer.</summary>
internal sealed partial class DatagramEndpoint
{
    private readonly HandOverPool _arrivals;

    private void HandOver(DatagramEndpoint owner, ReadOnlySpan<byte> datagram, in PeerAddress source)
    {
        if (owner._arrivals.Take() is not { } handOver)
        {
            Counters.HandOversDropped++;
            return;
        }
        Counters.HandedOver++;
        handOver.Fill(datagram, source);
        owner.Loop.TryPost(handOver);
    }
}
