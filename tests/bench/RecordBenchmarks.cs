using BenchmarkDotNet.Attributes;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>One record sealed by one end and opened by the other.</summary>
[MemoryDiagnoser]
public class RecordBenchmarks
{
    private readonly EngineLink _link = new();
    private readonly byte[] _wire = new byte[PskTlsConnection.MaxRecordWireSize];
    private readonly byte[] _plain = new byte[PskTlsConnection.MaxRecordWireSize];
    private byte[] _data = [];

    [Params(64, 1024, 16384)]
    public int Size { get; set; }

    [Params(CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_128_CCM_8_SHA256, CipherSuite.TLS_CHACHA20_POLY1305_SHA256)]
    public CipherSuite Suite { get; set; }

    [GlobalSetup]
    public void Connect()
    {
        _link.Connect(EngineLink.ClientOptions(NamedGroup.Secp256r1, Suite));
        _data = new byte[Size];
    }

    [Benchmark]
    public int SealAndOpen()
    {
        _link.Client.Write(_data, _wire, out _, out int sealedLength);
        _link.Server.Read(_wire.AsSpan(0, sealedLength), _plain, out _, out int opened);
        return opened;
    }
}
