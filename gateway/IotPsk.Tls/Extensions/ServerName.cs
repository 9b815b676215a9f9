using System.Text;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>server_name (RFC 6066 s3). A server ignores it: the PSK identity says who is meant, and some clients send an address.</summary>
internal static class ServerName
{
    /// <summary>RFC 6066 s3: the server's answer is empty.</summary>
    public static TlsErrorReason CheckAnswer(ReadOnlySpan<byte> data) => data.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedServerName;

    public static void Write(ref WireWriter writer, string name)
    {
        WireWriter.Mark extension = writer.BeginExtension(ExtensionType.ServerName);
        WireWriter.Mark list = writer.BeginVector(2);
        writer.WriteByte(0);
        WireWriter.Mark host = writer.BeginVector(2);
        Encoding.ASCII.GetBytes(name, writer.Reserve(name.Length));
        writer.EndVector(host);
        writer.EndVector(list);
        writer.EndVector(extension);
    }
}
