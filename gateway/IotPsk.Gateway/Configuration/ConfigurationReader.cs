using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using IotPsk.Tls;

namespace IotPsk.Gateway.Configuration;

/// <summary>Reads and validates a configuration whole: every fault is found before any is told.</summary>
internal sealed partial class ConfigurationReader
{
    // Of any length that makes sense; a log file named by mistake is told at once.
    private const int MaxLength = 1 << 20;
    private const int MaxIdleSeconds = 30 * 86_400;

    private static readonly string[] BrokerSchemes = ["tcp", EndpointAddress.Unix];
    private static readonly string[] OfConnections = ["Upstream", "AllowPskKe", "AllowTls12", "ProxyProtocol", "IdleSeconds", "MaxConnections"], OfDatagrams = ["Echo"], OfBrokers = ["PasswordFile"];
    private readonly List<ConfigurationError> _errors = [];

    /// <summary>Reads the file at <paramref name="path"/>. Throws <see cref="UserError"/> with one line per fault.</summary>
    internal static GatewayConfiguration Load(string path)
    {
        byte[] content = ReadFile(path);
        GatewayConfiguration? configuration = Parse(content, out IReadOnlyList<ConfigurationError> errors);
        return configuration ?? throw UserError.Several(errors.Select(e => UserError.Join($"{e.Path} {e.What}", path, e.Mend)));
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return BoundedFile.Read(path, MaxLength) ?? throw new UserError("the configuration is too long", path, "name the right file; 1 MiB is the most");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError("there is no configuration file", path, "name it with --config FILE, or give --state DIR and --tpm TCTI", cause: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError("the configuration cannot be read", path, $"make it readable for this user ({e.Message})", cause: e);
        }
    }

    /// <summary>Parses UTF-8 JSON (comments and a trailing comma are let pass); null when <paramref name="errors"/> holds any.</summary>
    internal static GatewayConfiguration? Parse(ReadOnlyMemory<byte> utf8, out IReadOnlyList<ConfigurationError> errors)
    {
        var reader = new ConfigurationReader();
        errors = reader._errors;
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                MaxDepth = 16,
            });
            GatewayConfiguration configuration = reader.Root(document.RootElement);
            return reader._errors.Count == 0 ? configuration : null;
        }
        catch (JsonException e)
        {
            string where = string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}");
            reader.Error("$", $"is not JSON at {where}", "mend the text there: a comma, a quote or a bracket too many or too few");
            return null;
        }
        catch (InvalidOperationException)
        {
            // JsonElement and JsonProperty say so where a \u escape gives half a character.
            reader.Error("$", "holds text that is no Unicode", "write characters as they are, not as \\ud800 to \\udfff");
            return null;
        }
    }

    private void Error(string path, string what, string mend) => _errors.Add(new ConfigurationError(path, what, mend));

    private GatewayConfiguration Root(JsonElement element)
    {
        var root = JsonObjectReader.Open(element, "$", _errors);
        var configuration = new GatewayConfiguration
        {
            State = AbsolutePath(root, "State", GatewayConfiguration.DefaultState),
            Registry = Registry(root.Object("Registry")),
            Tpm = Tpm(root.Object("Tpm")),
            Listeners = Listeners(root),
            Telemetry = Telemetry(root.Object("Telemetry")),
            Lwm2m = Lwm2mConfiguration.Read(root.Object("Lwm2m")),
            Limits = Limits(root.Object("Limits")),
            Admin = Admin(root.Object("Admin")),
        };
        CheckBrokerUser(root, configuration);
        root.End();
        return configuration;
    }

    private string AbsolutePath(JsonObjectReader reader, string key, string otherwise)
    {
        string path = reader.Text(key) ?? otherwise;
        if (!Path.IsPathFullyQualified(path) || path.Contains('\0'))
            Error(reader.PathOf(key), $"\"{path}\" is no absolute path", $"write it from the root on, like {otherwise}");
        return path;
    }

    private string? OptionalPath(JsonObjectReader reader, string key) =>
        reader.TryGet(key, out _) ? AbsolutePath(reader, key, $"/etc/iotpsk/{key}") : null;

    private TpmConfiguration Tpm(JsonObjectReader? reader)
    {
        if (reader is null)
            return new TpmConfiguration();
        var tpm = new TpmConfiguration
        {
            Tcti = reader.Text("Tcti") ?? TpmConfiguration.DefaultTcti,
            EncryptSession = reader.Flag("EncryptSession", false),
            KeepKeyCache = reader.Flag("KeepKeyCache", true),
            AuthFile = OptionalPath(reader, "AuthFile"),
            OwnerAuthFile = OptionalPath(reader, "OwnerAuthFile"),
        };
        reader.End();
        return tpm;
    }

    private List<ListenerConfiguration> Listeners(JsonObjectReader root)
    {
        var listeners = new List<ListenerConfiguration>();
        string path = root.PathOf("Listeners");
        if (!root.TryGet("Listeners", out JsonElement list))
            Error(path, "is missing", "add a list with at least one listener, like [ { \"Protocol\": \"mqtt\" } ]");
        else if (list.ValueKind != JsonValueKind.Array)
            Error(path, $"is {JsonObjectReader.Kind(list)}, not a list", "write [ { ... }, { ... } ]");
        else if (list.GetArrayLength() == 0)
            Error(path, "is empty", "add a listener, like { \"Protocol\": \"mqtt\" }");
        else
        {
            foreach (JsonElement element in list.EnumerateArray())
                Listener(JsonObjectReader.Open(element, $"{path}[{listeners.Count}]", _errors), listeners);
        }
        return listeners;
    }

    private void Listener(JsonObjectReader reader, List<ListenerConfiguration> listeners)
    {
        ListenerProtocol protocol = Protocol(reader);
        bool datagrams = protocol == ListenerProtocol.Lwm2m;
        var listener = new ListenerConfiguration
        {
            Name = reader.Text("Name") ?? NameOf(protocol),
            Protocol = protocol,
            Listen = reader.Address("Listen", [datagrams ? "udp" : "tcp"], DefaultListen(protocol).ToString()) ?? DefaultListen(protocol),
            Upstream = reader.Address("Upstream", protocol == ListenerProtocol.Mqtt ? BrokerSchemes : ["tcp"], "tcp://127.0.0.1:1883") ?? DefaultUpstream(protocol),
            AllowPskKe = reader.Flag("AllowPskKe", false),
            AllowTls12 = reader.Flag("AllowTls12", true),
            PasswordFile = OptionalPath(reader, "PasswordFile"),
            ProxyProtocol = reader.Flag("ProxyProtocol", false),
            IdleSeconds = reader.Number("IdleSeconds", 0, 0, MaxIdleSeconds),
            MaxConnections = reader.Number("MaxConnections", 0, 0, 10_000_000),
            Echo = reader.Flag("Echo", false),
        };
        reader.End();
        foreach (string key in (string[])[.. datagrams ? OfConnections : OfDatagrams, .. protocol == ListenerProtocol.Mqtt ? [] : OfBrokers])
        {
            if (reader.Has(key))
                Error(reader.PathOf(key), $"has no meaning for {NameOf(protocol)}", "remove it");
        }
        CheckName(reader, listener, listeners);
        CheckListen(reader, listener, listeners);
        listeners.Add(listener);
    }

    private ListenerProtocol Protocol(JsonObjectReader reader)
    {
        string text = reader.Text("Protocol") ?? NameOf(ListenerProtocol.Mqtt);
        foreach (ListenerProtocol protocol in Enum.GetValues<ListenerProtocol>())
        {
            if (NameOf(protocol) == text)
                return protocol;
        }
        string[] names = [.. Enum.GetValues<ListenerProtocol>().Select(NameOf)];
        string? near = Spelling.Nearest(text, names);
        Error(reader.PathOf("Protocol"), $"\"{text}\" is no known protocol", near is null ? $"write one of {string.Join(", ", names)}" : $"did you mean {near}?");
        return ListenerProtocol.Mqtt;
    }

    /// <summary>The protocol's name in the configuration.</summary>
    internal static string NameOf(ListenerProtocol protocol) => protocol switch
    {
        ListenerProtocol.Mqtt => "mqtt",
        ListenerProtocol.Tunnel => "tunnel",
        _ => "lwm2m",
    };

    private static EndpointAddress DefaultListen(ListenerProtocol protocol) => protocol switch
    {
        ListenerProtocol.Mqtt => new EndpointAddress("tcp", "0.0.0.0", 8883),
        ListenerProtocol.Tunnel => new EndpointAddress("tcp", "0.0.0.0", 8443),
        _ => new EndpointAddress("udp", "0.0.0.0", 5684),
    };

    private static EndpointAddress? DefaultUpstream(ListenerProtocol protocol) => protocol switch
    {
        ListenerProtocol.Mqtt => new EndpointAddress("tcp", "127.0.0.1", 1883),
        ListenerProtocol.Tunnel => new EndpointAddress("tcp", "127.0.0.1", 8080),
        _ => null,
    };

    // The name is a label of the metrics and a word of the log.
    private void CheckName(JsonObjectReader reader, ListenerConfiguration listener, List<ListenerConfiguration> earlier)
    {
        if (listener.Name.Length > 32 || !listener.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            Error(reader.PathOf("Name"), $"\"{listener.Name}\" is no valid name", "use up to 32 letters, digits, - and _");
        int same = earlier.FindIndex(e => e.Name == listener.Name);
        if (same >= 0)
            Error(reader.PathOf("Name"), $"\"{listener.Name}\" is the name of $.Listeners[{same}] too", "give each listener its own Name");
    }

    private void CheckListen(JsonObjectReader reader, ListenerConfiguration listener, List<ListenerConfiguration> earlier)
    {
        if (listener.Listen.Address is not { } address)
        {
            Error(reader.PathOf("Listen"), $"\"{listener.Listen}\" names a host", "write an IP address of this machine, 0.0.0.0 or [::] for all");
            return;
        }
        int same = earlier.FindIndex(e => e.Listen.Scheme == listener.Listen.Scheme && e.Listen.Port == listener.Listen.Port
            && (e.Listen.Address is not { } other || Overlaps(address, other)));
        if (same >= 0)
            Error(reader.PathOf("Listen"), $"{listener.Listen} is taken by $.Listeners[{same}]", "give each listener its own port");
    }

    private static bool Overlaps(IPAddress one, IPAddress other) =>
        one.Equals(other) || IsAny(one) || IsAny(other);

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static LimitsConfiguration Limits(JsonObjectReader? reader)
    {
        var defaults = new LimitsConfiguration();
        if (reader is null)
            return defaults;
        var limits = new LimitsConfiguration
        {
            HandshakeSeconds = reader.Number("HandshakeSeconds", defaults.HandshakeSeconds, 1, 600),
            HalfOpen = reader.Number("HalfOpen", defaults.HalfOpen, 0, 10_000_000),
            HalfOpenPerPrefix = reader.Number("HalfOpenPerPrefix", defaults.HalfOpenPerPrefix, 0, 10_000_000),
            SessionsPerDevice = reader.Number("SessionsPerDevice", defaults.SessionsPerDevice, 0, 1_000_000),
            TicketHours = reader.Number("TicketHours", defaults.TicketHours, 0, TicketOptions.MaxLifetimeSeconds / 3600),
        };
        reader.End();
        return limits;
    }

    private AdminConfiguration Admin(JsonObjectReader? reader)
    {
        if (reader is null)
            return new AdminConfiguration();
        string socket = AbsolutePath(reader, "Socket", AdminConfiguration.DefaultSocket);
        if (Encoding.UTF8.GetByteCount(socket) > EndpointAddress.MaxSocketPath)
            Error(reader.PathOf("Socket"), $"is longer than {EndpointAddress.MaxSocketPath} bytes", "use a shorter path; a Unix socket allows no longer one");
        EndpointAddress? http = new AdminConfiguration().Http;
        if (reader.TryGet("Http", out JsonElement value) && value.ValueKind == JsonValueKind.Null)
            http = null;
        else
            http = Loopback(reader) ?? http;
        var admin = new AdminConfiguration { Socket = socket, Http = http, TokenFile = OptionalPath(reader, "TokenFile") };
        reader.End();
        if (admin is { Http: null, TokenFile: not null })
            Error(reader.PathOf("TokenFile"), "has no meaning without Http", "remove it, or give an address for Http");
        return admin;
    }

    // What /metrics tells is for this machine alone; nothing here asks who reads.
    private EndpointAddress? Loopback(JsonObjectReader reader)
    {
        EndpointAddress? http = reader.Address("Http", ["http"], "http://127.0.0.1:9464");
        if (http is { } given && (given.Address is not { } address || !IPAddress.IsLoopback(address)))
            Error(reader.PathOf("Http"), $"\"{given}\" is no loopback address", "write http://127.0.0.1:PORT or http://[::1]:PORT, or null for none");
        return http;
    }
}
