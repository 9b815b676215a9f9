using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Dtls;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Records;

namespace IotPsk.Tls.Tests.Dtls;

public class MessageReassemblerTests
{
    [Fact]
    public void Messages_cut_and_mixed_in_any_way_come_out_whole_and_in_order() => Prop.ForAll<int, PositiveInt>((seed, size) =>
    {
        var random = new Random(seed);
        byte[][] messages = [.. Enumerable.Range(0, 6).Select(_ => Bytes(random, random.Next(Math.Min(size.Get * 40, 2000))))];
        var pieces = new List<(FragmentHeader Header, byte[] Bytes)>();
        for (ushort i = 0; i < messages.Length; i++)
            Cut(messages[i], i, random, pieces);
        (FragmentHeader Header, byte[] Bytes)[] shuffled = [.. pieces, .. pieces.Where(_ => random.Next(3) == 0)];
        random.Shuffle(shuffled);
        using var reassembler = new MessageReassembler();
        var taken = new List<byte[]>();
        foreach ((FragmentHeader header, byte[] bytes) in shuffled)
        {
            if ((short)(header.Sequence - reassembler.Next) < 0)
                continue;
            if (reassembler.Add(header, bytes, Anything.Instance) != TlsErrorReason.None)
                return false;
            while (reassembler.TryTake(Anything.Instance, out HandshakeMessage message, out _))
                taken.Add(message.Body.ToArray());
        }

        return taken.Count == messages.Length && taken.Zip(messages).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Random_fragments_never_break_it_and_never_make_it_large() => Prop.ForAll<int>(seed =>
    {
        var random = new Random(seed);
        using var reassembler = new MessageReassembler();
        reassembler.Start((ushort)random.Next());
        for (int i = 0; i < 200; i++)
        {
            int length = random.Next(4) == 0 ? random.Next(FragmentHeader.MaxMessageLength) : random.Next(40);
            int offset = random.Next(length + 1);
            int part = random.Next(Math.Min(length - offset, 100) + 1);
            var header = new FragmentHeader((HandshakeType)random.Next(3), length, (ushort)(reassembler.Next + random.Next(9)), offset, part);
            reassembler.Add(header, new byte[part], Anything.Instance);
            while (reassembler.TryTake(Anything.Instance, out HandshakeMessage message, out _))
            {
                if (message.Bytes.Length > 4 + Anything.Max)
                    return false;
            }
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Of_pieces_that_overlap_the_first_bytes_count()
    {
        using var reassembler = new MessageReassembler();
        Add(reassembler, 4, 0, [1, 1]);
        Add(reassembler, 4, 1, [2, 2]);
        Assert.False(reassembler.TryTake(Anything.Instance, out _, out _));
        Add(reassembler, 4, 0, [3, 3, 3, 3]);
        Assert.True(reassembler.TryTake(Anything.Instance, out HandshakeMessage message, out _));
        Assert.Equal([1, 1, 2, 3], message.Body.ToArray());
    }

    [Fact]
    public void Pieces_that_contradict_each_other_are_dropped_and_a_whole_message_replaces_them()
    {
        using var reassembler = new MessageReassembler();
        Add(reassembler, 4, 0, [1, 1]);
        Add(reassembler, 3, 2, [2]);
        Add(reassembler, 4, 2, [9, 9], type: 5);
        Assert.False(reassembler.TryTake(Anything.Instance, out _, out _));
        Add(reassembler, 3, 0, [7, 7, 7]);
        Assert.True(reassembler.TryTake(Anything.Instance, out HandshakeMessage message, out _));
        Assert.Equal([7, 7, 7], message.Body.ToArray());
        Assert.Equal(1, reassembler.Next);
    }

    [Fact]
    public void A_message_before_its_turn_is_kept_if_it_is_small_and_near()
    {
        using var reassembler = new MessageReassembler();
        Add(reassembler, 1, 0, [1], sequence: 1);
        Add(reassembler, 1, 0, [6], sequence: 6);
        Add(reassembler, 2049, 0, new byte[100], sequence: 2);
        Assert.False(reassembler.TryTake(Anything.Instance, out _, out _));
        Add(reassembler, 1, 0, [0], sequence: 0);
        for (byte i = 0; i < 2; i++)
        {
            Assert.True(reassembler.TryTake(Anything.Instance, out HandshakeMessage message, out _));
            Assert.Equal([i], message.Body.ToArray());
        }

        Assert.False(reassembler.TryTake(Anything.Instance, out _, out _));
    }

    private static void Add(MessageReassembler reassembler, int messageLength, int offset, byte[] bytes, ushort sequence = 0, byte type = 1) =>
        Assert.Equal(TlsErrorReason.None, reassembler.Add(new FragmentHeader((HandshakeType)type, messageLength, sequence, offset, bytes.Length), bytes, Anything.Instance));

    private static void Cut(byte[] message, ushort sequence, Random random, List<(FragmentHeader Header, byte[] Bytes)> pieces)
    {
        int at = 0;
        do
        {
            // Some begin before where the last one ended.
            int begin = Math.Max(0, at - random.Next(3));
            int end = Math.Min(message.Length, at + 1 + random.Next(300));
            pieces.Add((new FragmentHeader(HandshakeType.ClientHello, message.Length, sequence, begin, end - begin), message[begin..end]));
            at = end;
        }
        while (at < message.Length);
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private sealed class Anything : IMessageLimits
    {
        public const int Max = 5000;

        public static Anything Instance { get; } = new();

        public int MaxBodyLength(HandshakeType type) => Max;
    }
}
