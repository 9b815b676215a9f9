namespace IotPsk.Gateway.Configuration;

/// <summary>What a listener does with the plaintext of its sessions.</summary>
internal enum ListenerProtocol { Mqtt, Tunnel, Lwm2m }

/// <summary>The whole configuration, validated. Only <see cref="Listeners"/> has no default.</summary>
internal sealed record GatewayConfiguration
{
    internal const string DefaultPath = "/etc/iotpsk/iotpsk.json";
    internal const string DefaultState = "/var/lib/iotpsk";

    /// <summary>The state directory: what survives a restart, with the registry where that is not in a database.</summary>
    internal string State { get; init; } = DefaultState;
    internal RegistryConfiguration Registry { get; init; } = new();
    internal TpmConfiguration Tpm { get; init; } = new();
    internal IReadOnlyList<ListenerConfiguration> Listeners { get; init; } = [];
    internal TelemetryConfiguration Telemetry { get; init; } = new();
    internal Lwm2mConfiguration Lwm2m { get; init; } = new();
    internal LimitsConfiguration Limits { get; init; } = new();
    internal AdminConfiguration Admin { get; init; } = new();
}

/// <summary>Where the registry is: in the state directory, unless several gateways share one.</summary>
internal sealed record RegistryConfiguration
{
    internal const string Example = "write it like Host=db.example;Database=iotpsk;Username=iotpsk, and the password into a file that PasswordFile names";

    /// <summary>The PostgreSQL database that the gateways of a fleet share, in Npgsql's words and without a password; null for SQLite in the state directory.</summary>
    internal string? Postgres { get; init; }

    /// <summary>File with the password; null: the systemd credential registry-password if the service has one, else none.</summary>
    internal string? PasswordFile { get; init; }
}

internal sealed record TpmConfiguration
{
    internal const string DefaultTcti = "device:/dev/tpmrm0";

    /// <summary>The TPM, as tpm2-tss names it.</summary>
    internal string Tcti { get; init; } = DefaultTcti;

    /// <summary>Encrypt parameters between this process and the TPM.</summary>
    internal bool EncryptSession { get; init; }

    /// <summary>Keep the key cache over restarts, sealed by the TPM.</summary>
    internal bool KeepKeyCache { get; init; } = true;

    /// <summary>File with the authorisation value of the keys; null: the systemd credential tpm-auth if the service has one, else none.</summary>
    internal string? AuthFile { get; init; }

    /// <summary>File with the password of the owner hierarchy, which only the making of keys needs; null for none.</summary>
    internal string? OwnerAuthFile { get; init; }
}

internal sealed record ListenerConfiguration
{
    internal required string Name { get; init; }
    internal required ListenerProtocol Protocol { get; init; }

    /// <summary>An IP address and port of this machine.</summary>
    internal required EndpointAddress Listen { get; init; }

    /// <summary>Where the plaintext goes; null for lwm2m, which is served here.</summary>
    internal EndpointAddress? Upstream { get; init; }

    /// <summary>Allow TLS 1.3 psk_ke, which has no forward secrecy.</summary>
    internal bool AllowPskKe { get; init; }
    internal bool AllowTls12 { get; init; } = true;

    /// <summary>
    /// File with the password that goes to the broker in the CONNECT of every device (mqtt); null: the systemd credential mqtt-password if the
    /// service has one, else what the device sent.
    /// </summary>
    internal string? PasswordFile { get; init; }

    /// <summary>Tell the upstream by a PROXY protocol header, version 2, who connected.</summary>
    internal bool ProxyProtocol { get; init; }

    /// <summary>Seconds without a byte either way after which a session ends, 0..2592000; 0 is for ever.</summary>
    internal int IdleSeconds { get; init; }

    /// <summary>Connections at once; 0 is no limit.</summary>
    internal int MaxConnections { get; init; }

    /// <summary>Serve a raw <c>/echo</c> resource for load tests (lwm2m).</summary>
    internal bool Echo { get; init; }
}

internal sealed record TelemetryConfiguration
{
    /// <summary>The broker that values of LwM2M devices go to: a tcp or a unix address.</summary>
    internal EndpointAddress Mqtt { get; init; } = new("tcp", "127.0.0.1", 1883);
    internal string TopicPrefix { get; init; } = "iotpsk";

    /// <summary>The gateway's own user name at the broker: never the id of a device, which would have its rights.</summary>
    internal string User { get; init; } = "~iotpsk";

    /// <summary>File with the broker's password; null: the systemd credential mqtt-password if the service has one, else none.</summary>
    internal string? PasswordFile { get; init; }

    /// <summary>MiB of messages that wait on the disk while the broker is away, 1..16384; the file grows to half as much again.</summary>
    internal int QueueMegabytes { get; init; } = 256;
}

/// <summary>Limits; 0 means none, but for the handshake time.</summary>
internal sealed record LimitsConfiguration
{
    /// <summary>Seconds a handshake and the first message may take, 1..600.</summary>
    internal int HandshakeSeconds { get; init; } = 10;

    /// <summary>Handshakes in progress at once.</summary>
    internal int HalfOpen { get; init; } = 100_000;

    /// <summary>Handshakes in progress at once from one /24 or /48; loopback is exempt.</summary>
    internal int HalfOpenPerPrefix { get; init; } = 1000;

    /// <summary>Live sessions of one device; the oldest makes room for a new one.</summary>
    internal int SessionsPerDevice { get; init; }

    /// <summary>How long a session may be resumed by ticket, in hours, 168 at most; a chain of resumptions ends after 30 days. 0: no tickets.</summary>
    internal int TicketHours { get; init; } = 24;
}

internal sealed record AdminConfiguration
{
    internal const string DefaultSocket = "/run/iotpsk/admin.sock";

    internal string Socket { get; init; } = DefaultSocket;

    /// <summary>Loopback address of /healthz and /metrics; null when switched off.</summary>
    internal EndpointAddress? Http { get; init; } = new("http", "127.0.0.1", 9464);

    /// <summary>File with a token of 16 to 512 characters: who shows it on <see cref="Http"/> may do there what the socket's owner may; null: nobody.</summary>
    internal string? TokenFile { get; init; }
}
