using System.Security.Cryptography;

namespace IotPsk.Net.Datagrams;

/// <summary>Compares addresses of peers, with buckets that no peer can choose.</summary>
internal sealed class PeerAddressComparer : IEqualityComparer<PeerAddress>
{
    private readonly ulong _first = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private readonly ulong _second = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    public bool Equals(PeerAddress x, PeerAddress y) => x == y;

    public int GetHashCode(PeerAddress address) => (int)address.Hash(_first, _second);
}
