using IotPsk.Net.Datagrams;

namespace IotPsk.Net;

/// <summary>
/// The way to the device. Its records may come from another address at any time (RFC 9146 s6); until the device has
/// answered something sent there, the new address gets little and the old one is kept.
/// </summary>
public sealed partial class DatagramSession
{
    private PathProbe? _probe;

    /// <summary>
    /// Which way datagrams take: changes with every change of address. To be noted with what is sent and given to
    /// <see cref="ConfirmPath"/> with its answer.
    /// </summary>
    public int Path { get; private set; }

    /// <summary>The device has not answered yet at the address it moved to.</summary>
    public bool IsPathUnproved => _probe is not null;

    /// <summary>
    /// Tells that the device has answered something that could only be read at its new address: an acknowledgement, a
    /// response with the right token, an Echo option (RFC 9175). Called within <see cref="IDatagramApplication.Received"/>,
    /// for only an answer that came from there counts.
    /// </summary>
    /// <param name="path"><see cref="Path"/> when that something was sent.</param>
    public void ConfirmPath(int path)
    {
        if (_probe is null || path != Path || _probe.Sent == 0 || !_endpoint.IsReceivingFrom(this, _address)) return;
        DropPath();
        _endpoint.Counters.AddressesConfirmed++;
    }

    /// <summary>Where the device was last known to be.</summary>
    internal PeerAddress ProvedAddress => _probe?.Proved ?? _address;

    /// <summary>A record of the device that is newer than all before came from <paramref name="source"/> in a datagram of so many bytes.</summary>
    internal void HeardFrom(in PeerAddress source, int bytes)
    {
        if (source != _address) Move(source);
        // RFC 9146 s6: at most three times of what came from an address goes there before it is proved.
        if (_probe is not null) _probe.Allowance += 3L * bytes;
    }

    private void Move(in PeerAddress source)
    {
        var proved = ProvedAddress;
        DropPath();
        _endpoint.Table.RemoveAddress(this);
        SetAddress(source);
        Path++;
        _endpoint.Counters.AddressMoves++;
        // Back where it was known to be: nothing to prove.
        if (source == proved) return;
        _probe = new PathProbe(this, proved);
        _endpoint.Wheel.Arm(_probe, _endpoint.PathTimeoutMilliseconds);
    }

    private bool MaySend(int length)
    {
        if (_probe is null) return true;
        if (_probe.Sent + length > _probe.Allowance)
        {
            _endpoint.Counters.PathLimited++;
            return false;
        }
        _probe.Sent += length;
        return true;
    }

    private void DropPath()
    {
        if (_probe is not null) _endpoint.Wheel.Cancel(_probe);
        _probe = null;
    }

    /// <summary>An address that is not proved yet, and the one to go back to.</summary>
    private sealed class PathProbe(DatagramSession session, PeerAddress proved) : Timers.TimerNode
    {
        internal PeerAddress Proved { get; } = proved;

        internal long Allowance { get; set; }

        internal long Sent { get; set; }

        internal override void OnTimer()
        {
            session._probe = null;
            session.SetAddress(Proved);
            session.Path++;
            session._endpoint.Counters.AddressesRestored++;
        }
    }
}
