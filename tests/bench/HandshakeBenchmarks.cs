using BenchmarkDotNet.Attributes;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>A handshake, both ends in one thread; half of it and a little less is the server's.</summary>
[MemoryDiagnoser]
public class HandshakeBenchmarks
{
    private readonly EngineLink _link = new();
    private readonly PskTlsClientOptions _p256 = EngineLink.ClientOptions(NamedGroup.Secp256r1);
    private readonly PskTlsClientOptions _x25519 = EngineLink.ClientOptions(NamedGroup.X25519);
    private readonly PskTlsClientOptions _pskKe = EngineLink.ClientOptions(NamedGroup.None);

    private readonly PskTlsClientOptions _tls12 = EngineLink.ClientOptions(null);

    [Benchmark]
    public void PskDheKeP256() => _link.Connect(_p256);

    [Benchmark]
    public void PskDheKeX25519() => _link.Connect(_x25519);

    [Benchmark]
    public void PskKe() => _link.Connect(_pskKe);

    [Benchmark]
    public void Tls12Psk() => _link.Connect(_tls12);
}
