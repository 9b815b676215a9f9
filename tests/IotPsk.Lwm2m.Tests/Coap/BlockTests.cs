using FsCheck;
using FsCheck.Fluent;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

public class BlockTests
{
    private readonly List<byte[]> _bodies = [];
    private int _messageId;

    private Wire NewWire(CoapServerOptions? options = null)
    {
        var wire = new Wire(options);
        wire.Server.Map("/in", new Script(e =>
        {
            _bodies.Add([.. e.Payload]);
            CoapWriter writer = e.Begin(CoapCode.Changed);
            writer.AddOption(CoapOption.LocationPath, "x");
            writer.AddOption(CoapOption.Size1, 7u);
            writer.WritePayload("ok"u8.ToArray(), 0, 2);
        }, CoapOption.Block1));
        return wire;
    }

    private byte[] Put(int number, bool more, int size, byte[] payload, Action<CoapWriter>? before = null, Action<CoapWriter>? after = null) =>
        Wire.Message(CoapType.Confirmable, CoapCode.Put, ++_messageId, "/in", payload, options: w =>
        {
            before?.Invoke(w);
            w.AddOption(CoapOption.Block1, new CoapBlock(number, more, size).Value);
            after?.Invoke(w);
        });

    private static (CoapCode Code, CoapBlock? Block1, CoapReader Reader) Answer(Wire wire, byte[] request, CoapPeer? peer = null)
    {
        int before = wire.Sent.Count;
        wire.Server.Receive(peer ?? wire.Peer, request, wire.Now);
        byte[] reply = Assert.Single(wire.Sent.Skip(before)).Message;
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.None, reader.Read(reply, 0, reply.Length));
        bool has = reader.FindOption(CoapOption.Block1) & reader.TryGetUInt(out uint value);
        return (reader.Code, has && CoapBlock.TryRead(value, out CoapBlock block) ? block : null, reader);
    }

    [Fact]
    public void A_body_comes_whole_whatever_its_length_and_the_size_of_its_blocks() =>
        Prop.ForAll(Arb.From(Samples(5000)), Arb.From(Gen.Choose(0, 6)), (body, exponent) =>
        {
            _bodies.Clear();
            Wire wire = NewWire();
            int size = 16 << exponent, number = 0;
            for (int at = 0; ; at += size, number++)
            {
                bool more = at + size < body.Length;
                (CoapCode code, CoapBlock? block, CoapReader reader) = Answer(wire, Put(number, more, size, body[at..Math.Min(at + size, body.Length)]));
                if (block is not { } told || told.Number != number || told.More != more || told.Size != size || code != (more ? CoapCode.Continue : CoapCode.Changed))
                    return false;
                if (!more)
                    return reader.FindOption(CoapOption.LocationPath) && reader.FindOption(CoapOption.Size1) && reader.PayloadCount == 2
                        && _bodies.Count == 1 && _bodies[0].AsSpan().SequenceEqual(body);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Blocks_that_come_twice_are_taken_once()
    {
        Wire wire = NewWire();
        byte[] first = Put(0, true, 16, new byte[16]), last = Put(1, false, 16, [1]);
        foreach (byte[] request in (byte[][])[first, first, last, last])
            Answer(wire, request);
        Assert.Equal(17, Assert.Single(_bodies).Length);
    }

    [Fact]
    public void A_block_out_of_order_is_incomplete_and_a_new_first_one_begins_again()
    {
        Wire wire = NewWire();
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1])).Code);
        Assert.Equal(CoapCode.Continue, Answer(wire, Put(0, true, 16, new byte[16])).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(2, false, 16, [1])).Code);
        Assert.Equal(CoapCode.Continue, Answer(wire, Put(0, true, 16, new byte[16])).Code);
        Assert.Equal(CoapCode.Changed, Answer(wire, Put(1, false, 16, [2])).Code);
        Assert.Equal(17, Assert.Single(_bodies).Length);
    }

    [Fact]
    public void Blocks_of_different_bodies_do_not_mix()
    {
        Wire wire = NewWire();
        Answer(wire, Put(0, true, 16, new byte[16]));
        CoapPeer other = wire.Server.Open("device-2", null);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1]), other).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1], before: w => w.AddOption(CoapOption.ContentFormat, 60u))).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1], after: w => w.AddOption(CoapOption.RequestTag, [1], 0, 1))).Code);
        Assert.Equal(CoapCode.Changed, Answer(wire, Put(1, false, 16, [1], after: w => w.AddOption(CoapOption.Size1, 17u))).Code);
    }

    [Fact]
    public void A_block_that_is_not_full_or_of_the_reserved_size_is_bad()
    {
        Wire wire = NewWire();
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Put(0, true, 16, new byte[15])).Code);
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Put(0, true, 16, new byte[17])).Code);
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Put(0, false, 16, new byte[17])).Code);
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Put, ++_messageId, "/in", [1], options: w => w.AddOption(CoapOption.Block1, 7u))).Code);
        Assert.Empty(_bodies);
    }

    [Fact]
    public void What_is_too_long_is_refused_with_the_length_that_is_not()
    {
        Wire wire = NewWire(new CoapServerOptions { MaxBody = 40 });
        (CoapCode code, _, CoapReader reader) = Answer(wire, Put(0, true, 16, new byte[16], after: w => w.AddOption(CoapOption.Size1, 41u)));
        Assert.Equal(CoapCode.RequestEntityTooLarge, code);
        Assert.True(reader.FindOption(CoapOption.Size1) && reader.TryGetUInt(out uint most) && most == 40);
        Answer(wire, Put(0, true, 16, new byte[16]));
        Answer(wire, Put(1, true, 16, new byte[16]));
        Assert.Equal(CoapCode.RequestEntityTooLarge, Answer(wire, Put(2, false, 16, new byte[9])).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(2, false, 16, new byte[8])).Code);
    }

    [Fact]
    public void When_memory_is_short_the_body_that_waited_longest_gives_way()
    {
        Wire wire = NewWire(new CoapServerOptions { BodyBytes = 2200 });
        CoapPeer[] peers = [.. Enumerable.Range(0, 3).Select(i => wire.Server.Open("d" + i, null))];
        foreach (CoapPeer peer in peers)
            Answer(wire, Put(0, true, 1024, new byte[1024]), peer);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 1024, []), peers[0]).Code);
        Assert.Equal(CoapCode.Changed, Answer(wire, Put(1, false, 1024, []), peers[2]).Code);
        Assert.Equal(CoapCode.Changed, Answer(wire, Put(1, false, 1024, []), peers[1]).Code);
    }

    [Fact]
    public void Options_that_are_kept_beside_a_body_count_too()
    {
        Wire wire = NewWire(new CoapServerOptions { BodyBytes = 4096 });
        CoapPeer[] peers = [.. Enumerable.Range(0, 10).Select(i => wire.Server.Open("d" + i, null))];
        foreach (CoapPeer peer in peers)
            Assert.Equal(CoapCode.Continue, Answer(wire, Long(0, true), peer).Code);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Long(1, false), peers[0]).Code);
        Assert.Equal(CoapCode.Changed, Answer(wire, Long(1, false), peers[^1]).Code);

        static byte[] Long(int number, bool more) => Wire.Message(CoapType.Confirmable, CoapCode.Put, 100 + number, "/in?" + string.Join('&', Enumerable.Repeat(new string('q', 200), 5)), new byte[more ? 16 : 1],
            options: w => w.AddOption(CoapOption.Block1, new CoapBlock(number, more, 16).Value));
    }

    [Fact]
    public void A_body_that_is_never_finished_is_forgotten_with_time_or_its_peer()
    {
        Wire wire = NewWire();
        Answer(wire, Put(0, true, 16, new byte[16]));
        wire.Now += 247_000;
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1])).Code);
        Answer(wire, Put(0, true, 16, new byte[16]));
        wire.Server.Close(wire.Peer);
        Assert.Equal(CoapCode.RequestEntityIncomplete, Answer(wire, Put(1, false, 16, [1]), wire.Server.Open("device-1", null)).Code);
    }

    [Fact]
    public void A_long_answer_is_asked_for_block_by_block() =>
        Prop.ForAll(Arb.From(Samples(4000)), Arb.From(Gen.Choose(0, 6)), Arb.From(Gen.Choose(80, 1152)), (body, exponent, room) =>
        {
            var wire = new Wire();
            wire.Peer.MaxMessageSize = room;
            wire.Server.Map("/out", new Script(e => e.Answer(CoapCode.Content, CoapContentFormat.OctetStream, body), CoapOption.Block2));
            var got = new List<byte>();
            byte[]? tag = null;
            for (CoapBlock? next = exponent == 6 ? null : new CoapBlock(0, false, 16 << exponent); ;)
            {
                (CoapCode code, _, CoapReader reader) = Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Get, ++_messageId, "/out", options: w =>
                {
                    if (next is { } asked)
                        w.AddOption(CoapOption.Block2, asked.Value);
                }));
                if (code != CoapCode.Content || reader.PayloadOffset + reader.PayloadCount > room)
                    return false;
                got.AddRange(reader.Buffer.AsSpan(reader.PayloadOffset, reader.PayloadCount));
                if (!reader.FindOption(CoapOption.Block2) || !reader.TryGetUInt(out uint value) || !CoapBlock.TryRead(value, out CoapBlock told) || !told.More)
                    return got.SequenceEqual(body);
                if (told.Size > 16 << exponent || !reader.FindOption(CoapOption.ETag))
                    return false;
                byte[] mine = reader.Buffer[reader.OptionOffset..(reader.OptionOffset + reader.OptionLength)];
                if (tag is not null && !tag.AsSpan().SequenceEqual(mine))
                    return false;
                tag = mine;
                next = new CoapBlock(told.Number + 1, false, told.Size);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Who_has_a_long_answer_already_is_told_that_it_still_holds()
    {
        byte[] body = new byte[2000];
        var wire = new Wire();
        wire.Server.Map("/out", new Script(e => e.Answer(CoapCode.Content, CoapContentFormat.OctetStream, body), CoapOption.Block2));
        byte[] tag = Tag(Ask());
        Assert.Equal(8, tag.Length);
        (CoapCode code, _, CoapReader same) = Ask([1, 2, 3], tag);
        Assert.Equal((CoapCode.Valid, 0), (code, same.PayloadCount));
        Assert.Equal(tag, Tag((code, null, same)));
        body[0] = 1;
        (CoapCode Code, CoapBlock?, CoapReader) changed = Ask(tag);
        Assert.Equal(CoapCode.Content, changed.Code);
        Assert.NotEqual(tag, Tag(changed));

        (CoapCode Code, CoapBlock?, CoapReader Reader) Ask(params byte[][] tags) => Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Get, ++_messageId, options: w =>
        {
            foreach (byte[] each in tags)
                w.AddOption(CoapOption.ETag, each, 0, each.Length);
            CoapPath.Add(w, "/out");
        }));

        static byte[] Tag((CoapCode, CoapBlock?, CoapReader Reader) answer) =>
            answer.Reader.FindOption(CoapOption.ETag) ? answer.Reader.Buffer[answer.Reader.OptionOffset..(answer.Reader.OptionOffset + answer.Reader.OptionLength)] : [];
    }

    [Fact]
    public void A_block_behind_the_end_is_bad_and_a_long_answer_to_a_POST_an_error()
    {
        var wire = new Wire();
        wire.Server.Map("/out", new Script(e => e.Answer(CoapCode.Content, CoapContentFormat.OctetStream, new byte[2000]), CoapOption.Block2));
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Get, 1, "/out", options: w => w.AddOption(CoapOption.Block2, new CoapBlock(2, false, 1024).Value))).Code);
        Assert.Equal(CoapCode.BadRequest, Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Get, 2, "/out", options: w => w.AddOption(CoapOption.Block2, 7u))).Code);
        Assert.Equal(CoapCode.InternalServerError, Answer(wire, Wire.Message(CoapType.Confirmable, CoapCode.Post, 3, "/out")).Code);
    }

    private static Gen<byte[]> Samples(int most) =>
        from length in Gen.OneOf(Gen.Choose(0, 100), Gen.Choose(0, most), Gen.Elements(16, 32, 1024, 2048))
        from first in Gen.Choose(0, 255)
        select Enumerable.Range(0, length).Select(i => (byte)((i * 7) + first)).ToArray();
}
