using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IotPsk.Gateway.Configuration;

/// <summary>An address as the configuration writes it: <c>tcp://host:port</c>, an IPv6 address in brackets, or <c>unix:///path</c>.</summary>
/// <param name="Scheme">What stands before <c>://</c>.</param>
/// <param name="Host">Host name or IP address; of a Unix socket the path.</param>
/// <param name="Port">1..65535; of a Unix socket 0.</param>
internal readonly record struct EndpointAddress(string Scheme, string Host, int Port)
{
    internal const string Unix = "unix";

    /// <summary>Bytes of the path of a Unix socket at most: sockaddr_un.sun_path of Linux, without the final NUL.</summary>
    internal const int MaxSocketPath = 107;

    /// <summary>The host as an IP address, or null when it is a name.</summary>
    internal IPAddress? Address => IPAddress.TryParse(Host, out IPAddress? address) ? address : null;

    /// <summary>Parses <paramref name="text"/>; on failure says what is wrong with it.</summary>
    internal static bool TryParse(string text, out EndpointAddress address, out string fault)
    {
        address = default;
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme <= 0)
        {
            fault = "has no scheme";
            return false;
        }
        string host = text[(scheme + 3)..];
        int port = 0;
        if (text[..scheme] == Unix ? !IsSocketPath(host, out fault) : !TryParseHostAndPort(host, out host, out port, out fault))
            return false;
        address = new EndpointAddress(text[..scheme], host, port);
        return true;
    }

    /// <summary>Parses <c>host:port</c> as the bundle and the listener addresses have it.</summary>
    internal static bool TryParseHostAndPort(string text, out string host, out int port, out string fault)
    {
        port = 0;
        int colon = text.LastIndexOf(':');
        host = colon < 0 ? text : text[..colon];
        if (colon < 0 || host.EndsWith(':') || (host.StartsWith('[') && !host.EndsWith(']')))
        {
            fault = "has no port";
            return false;
        }
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
        {
            fault = "has a port outside 1..65535";
            return false;
        }
        bool bracketed = host.StartsWith('[');
        if (bracketed)
            host = host[1..^1];
        bool valid = bracketed
            ? IPAddress.TryParse(host, out IPAddress? six) && six.AddressFamily == AddressFamily.InterNetworkV6
            : IsHostName(host);
        fault = valid ? "" : "has no valid host name or IP address (an IPv6 address stands in brackets)";
        return valid;
    }

    private static bool IsSocketPath(string path, out string fault)
    {
        fault = !path.StartsWith('/') || path.Contains('\0') ? "has no absolute path"
            : Encoding.UTF8.GetByteCount(path) > MaxSocketPath ? $"has a path longer than {MaxSocketPath} bytes, the most of a Unix socket"
            : "";
        return fault.Length == 0;
    }

    // RFC 1123 s2.1; an IPv4 address has the same form.
    private static bool IsHostName(string host)
    {
        if (host.Length is 0 or > 253)
            return false;
        foreach (string label in host.Split('.'))
        {
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-')
                return false;
            foreach (char c in label)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                    return false;
            }
        }
        return true;
    }

    /// <summary><c>host:port</c> with brackets around an IPv6 address.</summary>
    internal string HostAndPort => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    public override string ToString() => Scheme == Unix ? $"{Scheme}://{Host}" : $"{Scheme}://{HostAndPort}";

    /// <summary>The endpoint; a name is resolved now, IPv4 first. Throws <see cref="UserError"/> naming <paramref name="where"/>.</summary>
    internal EndPoint Resolve(string where)
    {
        if (Scheme == Unix)
            return new UnixDomainSocketEndPoint(Host);
        if (Address is { } literal)
            return new IPEndPoint(literal, Port);
        try
        {
            IPAddress[] found = Dns.GetHostAddresses(Host);
            IPAddress? best = Array.Find(found, a => a.AddressFamily == AddressFamily.InterNetwork) ?? found.FirstOrDefault();
            if (best is not null)
                return new IPEndPoint(best, Port);
        }
        catch (SocketException)
        {
            // Told below, as a name without addresses is.
        }
        throw new UserError($"the host name {Host} has no address", where, "correct the name, or write the IP address");
    }
}
