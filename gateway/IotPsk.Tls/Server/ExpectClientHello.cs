using IotPsk.Tls.Handshake;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Server;

/// <summary>Nothing has come yet.</summary>
internal sealed class ExpectClientHello(PskTlsServerOptions options) : HandshakeState
{
    /// <summary>A hello with post-quantum shares is below 2 kB; one with some tickets below 4 kB.</summary>
    public const int MaxLength = 16384;

    public override int MaxBodyLength(HandshakeType type) => type == HandshakeType.ClientHello ? MaxLength : -1;

    public override HandshakeState Receive(in HandshakeMessage message, RecordLayer records, out TlsErrorReason error)
    {
        // RFC 8446 s5.1: nothing follows in the record, for the keys change.
        error = message.EndsRecord ? ClientHello.Parse(message.Bytes, out ClientHello hello) : Excess(out hello);
        if (error != TlsErrorReason.None)
            return this;
        if (!(hello.OffersTls13 && options.AllowTls13) && hello.OffersTls12 && options.AllowTls12)
            return Tls12.Server.ServerHelloFlight.Answer(message.Bytes, hello, options, records, out error) ?? this;
        error = ClientHelloRules.Check(message.Bytes, hello, options, records.Crypto, out Negotiation negotiation);
        if (error != TlsErrorReason.None)
            return this;

        records.ToleratesChangeCipherSpec = true;
        if (hello.HasEarlyData)
            records.SkipEarlyData(RecordLayer.MaxEarlyDataSkipped);
        if (hello.RecordSizeLimit != 0)
            records.PeerRecordSizeLimit = hello.RecordSizeLimit;
        return new AwaitPsk(options, new RetainedHello(message.Bytes, hello), negotiation);
    }

    public override void Dispose()
    {
    }

    private static TlsErrorReason Excess(out ClientHello hello)
    {
        hello = default;
        return TlsErrorReason.ExcessHandshakeData;
    }
}
