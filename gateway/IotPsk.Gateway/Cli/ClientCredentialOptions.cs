using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Keys;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Gateway.Cli;

/// <summary>The key of a client: a bundle, or identity and key, which may have to be imported first. For (D)TLS 1.2 nothing is imported (RFC 9258 s5.1).</summary>
internal sealed class ClientCredentialOptions(bool forVersion12 = false)
{
    private const int MaxBundleLength = 64 * 1024, MaxKeyLength = 1024;
    private readonly Option<string?> _bundle = new("--bundle") { Description = "A credential file of a device", HelpName = "FILE" };
    private readonly Option<string?> _identity = new("--identity") { Description = forVersion12 ? "The identity, like sensor-0001~1" : "The identity; with --import the external one, like sensor-0001~1" };
    private readonly Option<string?> _key = new("--key") { Description = "The key in hexadecimal; @FILE reads it from a file, which other users' ps does not show", HelpName = "HEX" };
    private readonly Option<string?> _import = new("--import") { Description = "Import the key by RFC 9258 for the fleet of this server id", HelpName = "SERVER-ID" };

    internal void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_bundle, _identity, _key])
            command.Options.Add(option);
        if (!forVersion12)
            command.Options.Add(_import);
    }

    /// <summary>The credential; throws <see cref="UserError"/> when the options do not make one.</summary>
    internal PskTlsCredential Read(ParseResult parsed)
    {
        string? bundle = parsed.GetValue(_bundle), identity = parsed.GetValue(_identity), key = parsed.GetValue(_key), server = forVersion12 ? null : parsed.GetValue(_import);
        if (bundle is not null && (identity ?? key ?? server) is null)
            return OfBundle(bundle);
        if (bundle is not null || identity is null || key is null)
            throw new UserError("there is no credential", "on the command line", "give --bundle FILE, or --identity and --key", UserError.Usage);
        if (server is not null && !DeviceId.IsValid(server))
            throw new UserError($"\"{server}\" is no server id", "--import", $"write the one fleet status shows: {DeviceId.Rule}", UserError.Usage);
        byte[] secret = ReadKey(key);
        try
        {
            return server is null
                ? new PskTlsCredential(Encoding.UTF8.GetBytes(identity), secret, PskBinder.External, TlsHash.Sha256)
                : Imported(identity, server, secret);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private PskTlsCredential OfBundle(string file)
    {
        byte[] content = BoundedFile.Read(file, MaxBundleLength) ?? throw new UserError("the file is too long for a credential bundle", file, "name the right file");
        try
        {
            CredentialBundle bundle = CredentialBundle.Decode(content, 0, content.Length);
            try
            {
                if (bundle.SessionRandoms != 0)
                    throw new UserError("this device is in session mode, which iotpsk client does not speak", file, "use the device's own program, or a client that makes the PSK of each session");
                if (forVersion12)
                {
                    return bundle.Tls12Key is null
                        ? throw new UserError("the bundle holds no key for DTLS 1.2", file, "use one that iotpsk device credentials wrote with --format bundle")
                        : new PskTlsCredential(bundle.Tls12Identity, bundle.Tls12Key, PskBinder.External, TlsHash.Sha256);
                }
                return bundle.Tls13Key is null
                    ? throw new UserError("the bundle holds no key", file, "use the one that iotpsk device credentials wrote")
                    : new PskTlsCredential(bundle.Tls13Identity, bundle.Tls13Key, PskBinder.Imported, TlsHash.Sha256);
            }
            finally
            {
                bundle.Clear();
            }
        }
        catch (FormatException e)
        {
            throw new UserError($"the file is no credential bundle ({e.Message})", file, "write one with iotpsk device credentials ID --format bundle -o FILE", cause: e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private static PskTlsCredential Imported(string externalIdentity, string serverId, byte[] epsk)
    {
        if (!ExternalIdentity.TryParse(externalIdentity, out string device, out _))
            throw new UserError($"\"{externalIdentity}\" is no external identity", "--identity", "write the device id, ~ and the epoch, like sensor-0001~1", UserError.Usage);
        byte[] identity = new ImportedIdentity(Encoding.ASCII.GetBytes(externalIdentity), RoleContext.Encode(device, serverId), Rfc9258.Tls13, Rfc9258.HkdfSha256).Encode();
        Span<byte> imported = stackalloc byte[32];
        Rfc9258.Import(epsk, PskHash.Sha256, identity, imported);
        try
        {
            return new PskTlsCredential(identity, imported, PskBinder.Imported, TlsHash.Sha256);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(imported);
        }
    }

    private static byte[] ReadKey(string text)
    {
        string hex = text.Length > 1 && text[0] == '@' ? File.ReadAllText(text[1..]).Trim() : text;
        try
        {
            return hex.Length is > 0 and <= 2 * MaxKeyLength ? Convert.FromHexString(hex) : throw new FormatException("it is empty or too long");
        }
        catch (FormatException e)
        {
            throw new UserError("the key is not hexadecimal", "--key", "write two hexadecimal digits a byte", UserError.Usage, e);
        }
    }
}
