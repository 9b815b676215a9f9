using System.Buffers.Binary;

namespace IotPsk.Interop.Tests.Support;

/// <summary>What went over the bus to a TPM, captured by tpm2-tss itself (tcti-pcap): pcapng, each message in a made-up TCP segment.</summary>
internal static class TpmCapture
{
    private const uint Hmac = 0x155, PacketBlock = 6;
    private const int IpAndTcp = 40;

    /// <summary>The environment variable that says where the TCTI writes.</summary>
    internal const string FileVariable = "TCTI_PCAP_FILE";

    /// <summary>The TCTI in front of another one.</summary>
    internal static string Tcti(string tcti) => "pcap:" + tcti;

    /// <summary>Every command and answer so far.</summary>
    internal static IReadOnlyList<byte[]> Read(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        var messages = new List<byte[]>();
        for (int at = 0; at + 12 <= content.Length;)
        {
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(at));
            int length = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at + 4));
            if (at + length > content.Length)
                break;
            if (type == PacketBlock)
            {
                int captured = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at + 20));
                messages.Add(content.AsSpan(at + 28 + IpAndTcp, captured - IpAndTcp).ToArray());
            }

            at += length;
        }

        return messages;
    }

    /// <summary>TPM2_HMAC commands so far.</summary>
    internal static int Hmacs(string file) => Read(file).Count(static message =>
        message.Length >= 10 && BinaryPrimitives.ReadUInt16BigEndian(message) is 0x8001 or 0x8002 && BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(6)) == Hmac);

    /// <summary>Whether these bytes crossed in one piece.</summary>
    internal static bool Holds(string file, byte[] bytes) => Read(file).Any(message => message.AsSpan().IndexOf(bytes) >= 0);
}
