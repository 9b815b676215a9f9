using IotPsk.Tls.Crypto;
using IotPsk.Tls.Messages;

namespace IotPsk.Tls.Dtls;

/// <summary>The transcript of DTLS 1.2 (RFC 6347 s4.2.6): messages as if they had come in one fragment, with the header that says so.</summary>
internal static class DtlsTranscript
{
    /// <param name="transcript">Goes on.</param>
    /// <param name="message">With a header of four bytes.</param>
    /// <param name="sequence">Its number.</param>
    public static void Append(TranscriptHash transcript, ReadOnlySpan<byte> message, ushort sequence)
    {
        Span<byte> header = stackalloc byte[FragmentHeader.Size];
        int length = message.Length - HandshakeMessage.HeaderLength;
        new FragmentHeader((HandshakeType)message[0], length, sequence, 0, length).Write(header);
        transcript.Append(header);
        transcript.Append(message[HandshakeMessage.HeaderLength..]);
    }
}
