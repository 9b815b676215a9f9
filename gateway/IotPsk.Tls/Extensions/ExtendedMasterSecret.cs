using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Extensions;

/// <summary>extended_master_secret (RFC 7627 s5.1), an empty extension.</summary>
internal static class ExtendedMasterSecret
{
    public static TlsErrorReason Check(ReadOnlySpan<byte> data) => data.IsEmpty ? TlsErrorReason.None : TlsErrorReason.MalformedExtendedMasterSecret;

    public static void Write(ref WireWriter writer) => writer.EndVector(writer.BeginExtension(ExtensionType.ExtendedMasterSecret));
}
