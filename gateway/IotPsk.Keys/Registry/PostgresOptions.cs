using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Npgsql;

namespace IotPsk.Keys;

/// <summary>Where a registry on PostgreSQL is. Prints without the password.</summary>
public sealed partial record PostgresOptions
{
    private const string DefaultSchema = "iotpsk";
    private readonly NpgsqlConnectionStringBuilder _builder;

    private PostgresOptions(NpgsqlConnectionStringBuilder builder, string schema) => (_builder, Schema) = (builder, schema);

    /// <summary>Whether to hear of changes at once, and not at the next look only.</summary>
    internal bool Listens { get; init; } = true;

    /// <summary>The schema that holds the registry: Search Path of the connection, "iotpsk" where it has none.</summary>
    public string Schema { get; }

    /// <summary>The connection with everything in it.</summary>
    internal string ConnectionString => _builder.ConnectionString;

    /// <summary>Reads a connection as Npgsql writes it: Host=db.example;Database=iotpsk;Username=iotpsk. It holds no password.</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">The options; null if it is no such text.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence; quotes no secret.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out PostgresOptions? options, out string problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        options = null;
        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or KeyNotFoundException or NotSupportedException)
        {
            // The message may quote a value, and that may be a password at the wrong place.
            problem = "is no connection to PostgreSQL";
            return false;
        }

        problem = Problem(builder) ?? "";
        if (problem.Length > 0)
            return false;
        var schema = string.IsNullOrEmpty(builder.SearchPath) ? DefaultSchema : builder.SearchPath;
        Complete(builder, schema);
        options = new PostgresOptions(builder, schema);
        return true;
    }

    /// <summary>The same with a password.</summary>
    public PostgresOptions WithPassword(string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(password);
        return new PostgresOptions(new NpgsqlConnectionStringBuilder(_builder.ConnectionString) { Password = password }, Schema) { Listens = Listens };
    }

    /// <summary>Database, server and user, for messages.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"PostgreSQL database {_builder.Database} at {_builder.Host}{(_builder.Host!.Contains(':') || _builder.Host.Contains(',') ? "" : $":{_builder.Port}")}");

    /// <summary>The user, for messages.</summary>
    internal string User => _builder.Username!;

    private static string? Problem(NpgsqlConnectionStringBuilder builder)
    {
        if (builder.Password != null || builder.SslPassword != null)
            return "holds a password";
        if (string.IsNullOrEmpty(builder.Host) || string.IsNullOrEmpty(builder.Database) || string.IsNullOrEmpty(builder.Username))
            return $"names no {(string.IsNullOrEmpty(builder.Host) ? "Host" : string.IsNullOrEmpty(builder.Database) ? "Database" : "Username")}";
        if (builder.Multiplexing || (builder.Enlist && builder.ShouldSerialize("Enlist")))
            return "asks for Multiplexing or Enlist, which the registry cannot do with";
        return string.IsNullOrEmpty(builder.SearchPath) || SchemaName().IsMatch(builder.SearchPath)
            ? null : "has a Search Path that is not the name of one schema, of a-z 0-9 and _";
    }

    private static void Complete(NpgsqlConnectionStringBuilder builder, string schema)
    {
        builder.SearchPath = schema;
        builder.Enlist = false;
        builder.IncludeErrorDetail = false;
        builder.PersistSecurityInfo = false;
        Default("Application Name", () => builder.ApplicationName = "iotpsk");
        Default("Maximum Pool Size", () => builder.MaxPoolSize = 8);
        // Seconds. A server that does not answer must not hold up whoever asks for long.
        Default("Timeout", () => builder.Timeout = 3);
        Default("Command Timeout", () => builder.CommandTimeout = 10);
        Default("Keepalive", () => builder.KeepAlive = 5);
        Default("GSS Encryption Mode", () => builder.GssEncryptionMode = GssEncryptionMode.Disable);
        // Revocations come this way: beyond this machine the server proves itself unless the operator says otherwise.
        if (!IsHere(builder.Host!))
            Default("SSL Mode", () => builder.SslMode = SslMode.VerifyFull);
        if (builder.Host!.Contains(','))
            Default("Target Session Attributes", () => builder.TargetSessionAttributes = "primary");

        void Default(string key, Action set)
        {
            if (!builder.ShouldSerialize(key))
                set();
        }
    }

    private static bool IsHere(string hosts) => hosts.Split(',').All(static host =>
        host.StartsWith('/') || host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)));

    // A channel's name is 63 bytes at the most, and is this with something behind it.
    [GeneratedRegex("^[a-z_][a-z0-9_]{0,54}$", RegexOptions.CultureInvariant)]
    private static partial Regex SchemaName();
}
