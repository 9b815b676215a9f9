namespace IotPsk.Tls;

/// <summary>What a DTLS client offers. Checked when set, never changed afterwards, shared by all its connections.</summary>
public sealed class PskDtlsClientOptions : PskDtlsOptions
{
    /// <summary>The PSK, an external one: nothing is imported for version 1.2 (RFC 9258 s5.1).</summary>
    /// <exception cref="ArgumentException">The credential is not external.</exception>
    public required PskTlsCredential Credential
    {
        get;
        init => field = value is { Binder: PskBinder.External } ? value : throw new ArgumentException("DTLS 1.2 takes external PSKs only", nameof(value));
    }

    /// <summary>
    /// A ticket from an earlier session (<see cref="PskDtlsClient.TryTakeTicket"/>), offered beside the PSK, which serves if the server refuses it.
    /// Connections that use it must be over their handshake before it is disposed. Null, the default: none.
    /// </summary>
    /// <exception cref="ArgumentException">The ticket is not one of DTLS 1.2.</exception>
    public PskTlsTicket? Ticket
    {
        get;
        init => field = value is null or { Version: TlsProtocol.Dtls12 } ? value : throw new ArgumentException("the ticket is not one of DTLS 1.2", nameof(value));
    }

    /// <summary>Keeps what lets the session be resumed for <see cref="PskDtlsClient.TryTakeTicket"/>. Default true.</summary>
    public bool KeepsTicket { get; init; } = true;

    /// <summary>The record_size_limit told to the server, 64..16385 bytes (RFC 8449 s4); 0 leaves the extension out. Default 16385.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public int RecordSizeLimit
    {
        get;
        init => field = value == 0 ? 0 : OptionRules.RecordSizeLimit(value);
    }
    = Extensions.RecordSizeLimit.Max;

    /// <summary>Asks for records of at most 512, 1024, 2048 or 4096 bytes (RFC 6066 s4), for servers that do not know record_size_limit. 0, the default, does not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another value.</exception>
    public int MaxFragmentLength
    {
        get;
        init => field = OptionRules.MaxFragmentLength(value);
    }

    /// <summary>The server's DNS name (RFC 6066 s3), ASCII; null sends none.</summary>
    /// <exception cref="ArgumentException">The name is empty, longer than 255 characters or not ASCII.</exception>
    public string? ServerName
    {
        get;
        init => field = OptionRules.ServerName(value);
    }

    /// <summary>Offers connection ids (RFC 9146). Default true.</summary>
    public bool OfferConnectionId { get; init; } = true;

    /// <summary>The same as TLS 1.2 knows it.</summary>
    internal PskTlsClientOptions Tls12 => field ??= new PskTlsClientOptions
    {
        Versions = [TlsProtocol.Tls12],
        Credentials = [Credential],
        Tls12Credential = Credential,
        DatagramTicket = Ticket,
        MaxTickets = KeepsTicket ? 1 : 0,
        Tls12CipherSuites = CipherSuites,
        Groups = Groups,
        AllowWithoutExtendedMasterSecret = AllowWithoutExtendedMasterSecret,
        RecordSizeLimit = RecordSizeLimit,
        MaxFragmentLength = MaxFragmentLength,
        ServerName = ServerName,
        ApplicationProtocols = ApplicationProtocols,
        KeyLog = KeyLog,
        OffersConnectionId = OfferConnectionId,
    };
}
