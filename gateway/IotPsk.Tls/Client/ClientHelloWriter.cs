using System.Text;
using IotPsk.Tls.Crypto;
using IotPsk.Tls.Extensions;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;
using IotPsk.Tls.Schedule;

namespace IotPsk.Tls.Client;

/// <summary>Writes the ClientHello of an offer, binders and all.</summary>
internal static class ClientHelloWriter
{
    /// <summary>Everything but identities, binders, cookie, names and protocols: fixed fields, lists and two key shares.</summary>
    private const int FixedLength = 512;

    /// <param name="offer">What is offered; keeps the message.</param>
    /// <param name="transcript">The transcript before this hello after a HelloRetryRequest, else null.</param>
    public static void Write(ClientOffer offer, TranscriptHash? transcript)
    {
        Span<byte> buffer = offer.RentHello(MaxLength(offer));
        var writer = new WireWriter(buffer);
        WireWriter.Mark message = writer.BeginMessage(HandshakeType.ClientHello);
        writer.WriteUInt16((ushort)(offer.Datagram is null ? TlsProtocol.Tls12 : TlsProtocol.Dtls12));
        writer.WriteBytes(offer.Random);
        writer.WriteVector8(offer.SessionId);
        if (offer.Datagram is { } datagram)
            writer.WriteVector8(datagram.Cookie);
        WireWriter.Mark suites = writer.BeginVector(2);
        if (offer.OffersTls13)
            WriteSuites(ref writer, offer.CipherSuites);
        WriteSuites(ref writer, offer.Tls12CipherSuites);
        writer.EndVector(suites);
        writer.WriteVector8([0]);
        WireWriter.Mark extensions = writer.BeginVector(2);
        WriteCommonExtensions(ref writer, offer);
        if (offer.OffersTls12)
            WriteTls12Extensions(ref writer, offer.Options);
        if (offer.Options.OffersConnectionId)
            ConnectionId.Write(ref writer, offer.Datagram!.ConnectionId);
        int truncatedLength = 0, bindersLength = 0;
        if (offer.OffersTls13)
        {
            WriteTls13Extensions(ref writer, offer);
            truncatedLength = WritePreSharedKey(ref writer, offer, out bindersLength);
        }

        // The lengths count the binders before they are there (RFC 8446 s4.2.11.2).
        writer.EndVector(extensions);
        writer.EndVector(message);
        offer.SetHelloLength(writer.Position);
        if (offer.OffersTls13)
            FillBinders(offer, transcript, buffer[..truncatedLength], buffer.Slice(truncatedLength + 2, bindersLength));
    }

    private static void WriteSuites(ref WireWriter writer, IReadOnlyList<CipherSuite> suites)
    {
        foreach (CipherSuite suite in suites)
            writer.WriteUInt16((ushort)suite);
    }

    private static void WriteCommonExtensions(ref WireWriter writer, ClientOffer offer)
    {
        PskTlsClientOptions options = offer.Options;
        if (options.ServerName is not null)
            ServerName.Write(ref writer, options.ServerName);
        if (offer.NeedsGroups)
            SupportedGroups.Write(ref writer, offer.Groups);
        if (options.ApplicationProtocols is not null)
            ApplicationProtocols.Write(ref writer, (ReadOnlyMemory<byte>[])options.ApplicationProtocols);

        // RFC 8449 s4: not above what the newest offered version allows.
        if (options.RecordSizeLimit != 0)
            RecordSizeLimit.Write(ref writer, offer.OffersTls13 ? options.RecordSizeLimit : Math.Min(options.RecordSizeLimit, RecordHeader.MaxPlaintext));
    }

    private static void WriteTls12Extensions(ref WireWriter writer, PskTlsClientOptions options)
    {
        RenegotiationInfo.Write(ref writer);
        ExtendedMasterSecret.Write(ref writer);
        if (options.OffersSessionTicket)
        {
            WireWriter.Mark extension = writer.BeginExtension(ExtensionType.SessionTicket);
            writer.WriteBytes(options.OfferedTicket is { IsSessionId: false } ticket ? ticket.Ticket : default);
            writer.EndVector(extension);
        }

        if (options.OffersEcdhePsk)
            EcPointFormats.Write(ref writer);
        if (options.OffersMaxFragmentLength)
            MaxFragmentLength.Write(ref writer, options.MaxFragmentLength);
    }

    private static void WriteTls13Extensions(ref WireWriter writer, ClientOffer offer)
    {
        SupportedVersions.WriteOffer(ref writer, tls12: offer.OffersTls12);
        if (offer.Cookie is not null)
        {
            WireWriter.Mark cookie = writer.BeginExtension(ExtensionType.Cookie);
            writer.WriteBytes(offer.Cookie);
            writer.EndVector(cookie);
        }

        PskKeyExchangeModes.Write(ref writer, offer.Options.KeyExchangeModes);

        // RFC 8446 s9.2: supported_groups and key_share come together, if only for the sake of TLS 1.2.
        if (!offer.NeedsGroups)
            return;
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.KeyShare);
        WireWriter.Mark shares = writer.BeginVector(2);
        foreach (KeyAgreement key in offer.Keys)
            KeyShare.WriteEntry(ref writer, key);
        writer.EndVector(shares);
        writer.EndVector(extension);
    }

    private static int WritePreSharedKey(ref WireWriter writer, ClientOffer offer, out int bindersLength)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.PreSharedKey);
        WireWriter.Mark identities = writer.BeginVector(2);
        foreach (PskTlsCredential credential in offer.Credentials)
        {
            writer.WriteVector16(credential.Identity);
            writer.WriteUInt32(credential.ObfuscatedTicketAge);
        }

        writer.EndVector(identities);
        int truncatedLength = writer.Position;
        WireWriter.Mark binders = writer.BeginVector(2);
        foreach (PskTlsCredential credential in offer.Credentials)
        {
            WireWriter.Mark binder = writer.BeginVector(1);
            writer.Reserve(credential.Hash.Length());
            writer.EndVector(binder);
        }

        writer.EndVector(binders);
        writer.EndVector(extension);
        bindersLength = writer.Position - truncatedLength - 2;
        return truncatedLength;
    }

    private static void FillBinders(ClientOffer offer, TranscriptHash? transcript, ReadOnlySpan<byte> truncated, Span<byte> binders)
    {
        Span<byte> hash = stackalloc byte[TlsHashes.MaxLength];
        transcript?.Append(truncated);
        foreach (PskTlsCredential credential in offer.Credentials)
        {
            if (transcript is null)
                offer.Crypto.HashData(credential.Hash, truncated, hash);
            else
                transcript.Snapshot(hash);
            using var schedule = new KeySchedule(offer.Crypto, credential.Hash, datagram: false, credential.Key);
            int length = credential.Hash.Length();
            schedule.ComputeBinder(credential.Binder, hash[..length], binders.Slice(1, length));
            binders = binders[(1 + length)..];
        }

        transcript?.Append(offer.Hello[truncated.Length..]);
    }

    /// <summary>What a hello takes at most, with the cookie it carries.</summary>
    public static int MaxLength(ClientOffer offer)
    {
        int length = FixedLength + (offer.Cookie?.Length ?? 0) + (offer.Options.ServerName is null ? 0 : Encoding.ASCII.GetByteCount(offer.Options.ServerName));
        length += offer.Options.OfferedTicket?.Ticket.Length ?? 0;
        length += (offer.Datagram?.Cookie.Length + offer.Datagram?.ConnectionId.Length) ?? 0;
        foreach (PskTlsCredential credential in offer.Credentials)
            length += 2 + credential.Identity.Length + sizeof(uint) + 1 + credential.Hash.Length();
        foreach (ReadOnlyMemory<byte> name in offer.Options.ApplicationProtocols ?? [])
            length += 1 + name.Length;
        return length;
    }
}
