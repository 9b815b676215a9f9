using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Codecs;

public class AssemblerPropertyTests
{
    [Fact]
    public void Messages_come_out_whole_however_they_are_cut() => Prop.ForAll<byte[][], PositiveInt[]>((bodies, cuts) =>
    {
        byte[][] messages = [.. bodies.Select(body => (byte[])[4, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body])];
        byte[] stream = [.. messages.SelectMany(message => message)];
        var assembler = default(HandshakeAssembler);
        var found = new List<byte[]>();
        int cut = 0;
        for (int i = 0; i < stream.Length;)
        {
            int size = Math.Min(cuts.Length == 0 ? stream.Length : cuts[cut++ % cuts.Length].Get, stream.Length - i);
            ReadOnlySpan<byte> record = stream.AsSpan(i, size);
            i += size;
            while (!record.IsEmpty)
            {
                if (assembler.TryNext(ref record, new AnyMessage(), out HandshakeMessage message, out TlsErrorReason error))
                {
                    found.Add(message.Bytes.ToArray());
                    if (message.EndsRecord != record.IsEmpty)
                        return false;
                }

                if (error != TlsErrorReason.None)
                    return false;
            }
        }

        bool inside = assembler.IsInsideMessage;
        assembler.Release();
        return !inside && found.Count == messages.Length && found.Zip(messages).All(pair => pair.First.SequenceEqual(pair.Second));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_message_is_refused_by_its_first_bytes()
    {
        var assembler = default(HandshakeAssembler);
        ReadOnlySpan<byte> wrongType = [9];
        Assert.False(assembler.TryNext(ref wrongType, new AnyMessage(), out _, out TlsErrorReason error));
        Assert.Equal(TlsErrorReason.UnexpectedHandshakeMessage, error);

        ReadOnlySpan<byte> start = [4, 1];
        Assert.False(assembler.TryNext(ref start, new AnyMessage(), out _, out error));
        Assert.Equal(TlsErrorReason.None, error);
        Assert.True(assembler.IsInsideMessage);
        ReadOnlySpan<byte> tooLong = [0, 0];
        Assert.False(assembler.TryNext(ref tooLong, new AnyMessage(), out _, out error));
        Assert.Equal(TlsErrorReason.HandshakeMessageTooLarge, error);
        assembler.Release();
        Assert.False(assembler.IsInsideMessage);
    }

    private sealed class AnyMessage : IMessageLimits
    {
        public int MaxBodyLength(HandshakeType type) => type == HandshakeType.NewSessionTicket ? 65535 : -1;
    }
}
