using FsCheck;
using FsCheck.Fluent;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

public class DuplicateTests
{
    private static (Wire, Script) Counting(CoapServerOptions? options = null, int size = 3)
    {
        var wire = new Wire(options);
        Script? script = null;
        script = new Script(e => e.Begin(CoapCode.Changed).WritePayload(Enumerable.Repeat((byte)('0' + script!.Calls), size).ToArray(), 0, size));
        wire.Server.Map("/count", script);
        return (wire, script);
    }

    private static byte[] Post(int id, CoapType type = CoapType.Confirmable, CoapCode code = CoapCode.Post) => Wire.Message(type, code, id, "/count");

    [Fact]
    public void A_confirmable_request_that_comes_again_is_answered_as_before_and_done_once()
    {
        (Wire wire, Script script) = Counting();
        Assert.Equal("ACK 2.04 #5 [77] '111'", wire.Take(Post(5)));
        Assert.Equal("ACK 2.04 #6 [77] '222'", wire.Take(Post(6)));
        Assert.Equal("ACK 2.04 #5 [77] '111'", wire.Take(Post(5)));
        Assert.Equal("ACK 2.04 #6 [77] '222'", wire.Take(Post(6)));
        Assert.Equal((2, 2L), (script.Calls, wire.Server.Counters.Duplicates));
    }

    [Fact]
    public void A_nonconfirmable_request_that_comes_again_is_ignored()
    {
        (Wire wire, Script script) = Counting();
        Assert.NotEqual("", wire.Take(Post(5, CoapType.NonConfirmable)));
        Assert.Equal("", wire.Take(Post(5, CoapType.NonConfirmable)));
        Assert.Equal(1, script.Calls);
    }

    [Fact]
    public void The_same_id_of_another_peer_is_another_request()
    {
        (Wire wire, Script script) = Counting();
        CoapPeer other = wire.Server.Open("device-2", null);
        Assert.Equal("ACK 2.04 #5 [77] '111'", wire.Take(Post(5)));
        Assert.Equal("ACK 2.04 #5 [77] '222'", wire.Take(Post(5), other));
        Assert.Equal("ACK 2.04 #5 [77] '111'", wire.Take(Post(5)));
        Assert.Equal(2, script.Calls);
    }

    [Fact]
    public void After_its_lifetime_an_id_is_new()
    {
        (Wire wire, Script script) = Counting();
        wire.Take(Post(5));
        wire.Now += 246_999;
        wire.Take(Post(5));
        Assert.Equal(1, script.Calls);
        wire.Now++;
        Assert.Equal("ACK 2.04 #5 [77] '222'", wire.Take(Post(5)));
        Assert.Equal("ACK 2.04 #5 [77] '222'", wire.Take(Post(5)));
    }

    [Fact]
    public void A_long_reply_is_kept_as_well()
    {
        (Wire wire, Script script) = Counting(size: 900);
        string first = wire.Take(Post(5));
        Assert.Equal(first, wire.Take(Post(5)));
        Assert.Equal(1, script.Calls);
    }

    [Fact]
    public void An_idempotent_request_with_a_long_reply_is_run_again()
    {
        (Wire wire, Script script) = Counting(size: 900);
        wire.Take(Post(5, code: CoapCode.Get));
        Assert.EndsWith("22'", wire.Take(Post(5, code: CoapCode.Get)));
        Assert.Equal(2, script.Calls);
    }

    [Fact]
    public void Beyond_the_memory_for_long_replies_the_code_alone_is_kept()
    {
        (Wire wire, Script script) = Counting(new CoapServerOptions { LongReplyBytes = 2000 }, size: 900);
        for (int id = 1; id <= 3; id++)
            wire.Take(Post(id));
        Assert.EndsWith("1'", wire.Take(Post(1)));
        Assert.EndsWith("2'", wire.Take(Post(2)));
        Assert.Equal("ACK 2.04 #3 [77]", wire.Take(Post(3)));
        Assert.Equal(3, script.Calls);
    }

    [Fact]
    public void A_peer_pushes_out_its_own_replies_not_those_of_others()
    {
        (Wire wire, Script script) = Counting(new CoapServerOptions { RememberedRepliesPerPeer = 4 });
        CoapPeer flood = wire.Server.Open("flood", null);
        wire.Take(Post(1));
        for (int id = 0; id < 1000; id++)
            wire.Take(Post(id), flood);
        int calls = script.Calls;
        wire.Take(Post(1));
        wire.Take(Post(999), flood);
        wire.Take(Post(996), flood);
        Assert.Equal(calls, script.Calls);
        wire.Take(Post(995), flood);
        Assert.Equal(calls + 1, script.Calls);
    }

    [Fact]
    public void When_all_room_is_taken_the_oldest_gives_way()
    {
        (Wire wire, Script script) = Counting(new CoapServerOptions { RememberedReplies = 300 });
        CoapPeer[] peers = [.. Enumerable.Range(0, 301).Select(i => wire.Server.Open("d" + i, null))];
        foreach (CoapPeer peer in peers)
            wire.Take(Post(1), peer);
        wire.Take(Post(1), peers[1]);
        Assert.Equal(301, script.Calls);
        wire.Take(Post(1), peers[0]);
        Assert.Equal(302, script.Calls);
    }

    [Fact]
    public void A_closed_peer_is_forgotten_and_not_heard()
    {
        (Wire wire, Script script) = Counting();
        wire.Take(Post(1));
        wire.Server.Close(wire.Peer);
        Assert.Equal("", wire.Take(Post(1)));
        Assert.Equal("", wire.Take(Post(2)));
        CoapPeer again = wire.Server.Open("device-1", null);
        Assert.Equal("ACK 2.04 #1 [77] '222'", wire.Take(Post(1), again));
    }

    [Fact]
    public void What_nobody_can_ask_for_again_is_forgotten_without_a_further_request()
    {
        (Wire wire, Script script) = Counting();
        Assert.Equal(long.MaxValue, wire.Server.Deadline);
        wire.Take(Post(5));
        Assert.Equal(wire.Now + 247_000, wire.Server.Deadline);
        wire.Now += 100_000;
        wire.Take(Post(6));
        wire.Now = wire.Server.Deadline;
        wire.Server.Tick(wire.Now);
        wire.Take(Post(6));
        Assert.Equal(2, script.Calls);
        wire.Now = wire.Server.Deadline;
        wire.Server.Tick(wire.Now);
        Assert.Equal(long.MaxValue, wire.Server.Deadline);
        wire.Take(Post(6));
        Assert.Equal(3, script.Calls);
    }

    [Fact]
    public void The_memory_of_replies_is_given_back()
    {
        var cache = new ReplyCache(10_000, 16, 1000, 50);
        CoapPeer[] peers = [.. Enumerable.Range(0, 5000).Select(i => new CoapPeer("d", null, 0, 0))];
        foreach (CoapPeer peer in peers)
            cache.Add(peer, 1, 0, new byte[20], mayRunAgain: false);
        Assert.Equal((5000, 50L), (cache.Count, cache.SweepAt));
        Assert.True(cache.Bytes > 5000 * ReplyCache.SlotSize);
        cache.Sweep(49);
        Assert.Equal(5000, cache.Count);
        cache.Sweep(50);
        Assert.Equal((0, 0L, long.MaxValue), (cache.Count, cache.Bytes, cache.SweepAt));
        cache.Add(peers[0], 1, 51, new byte[20], mayRunAgain: false);
        Assert.True(cache.TryFind(peers[0], 1, 51, out ReadOnlySpan<byte> reply) && reply.Length == 20);
    }

    [Fact]
    public void An_acknowledgement_takes_the_memory_of_its_row_alone()
    {
        var cache = new ReplyCache(10_000, 16, 1000, 50);
        CoapPeer[] peers = [.. Enumerable.Range(0, 500).Select(i => new CoapPeer("d", null, 0, 0))];
        for (int i = 0; i < 16 * peers.Length; i++)
            cache.Add(peers[i % peers.Length], i, 0, i % 2 == 0 ? new byte[4] : default, mayRunAgain: false);
        Assert.Equal(8000, cache.Count);
        Assert.InRange(cache.Bytes, 8192 * 64, 8192 * 80);
        // What is longer has a place that the next one takes over.
        for (int i = 0; i < 1000; i++)
            cache.Add(peers[i % 10], i, 0, new byte[100], mayRunAgain: false);
        Assert.InRange(cache.Bytes, 8192 * 64, (8192 * 80) + (256 * ReplyCache.SlotSize));
    }

    [Fact]
    public void The_cache_behaves_as_a_simple_model_of_it()
    {
        const int Capacity = 12, PerPeer = 4, Lifetime = 50;
        var steps = Gen.Choose(0, 9999).ListOf(400);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(Arb.From(steps), numbers =>
        {
            var cache = new ReplyCache(Capacity, PerPeer, 1000, Lifetime);
            var model = new List<(int Peer, int Id, long At, byte[] Reply)>();
            CoapPeer[] peers = [.. Enumerable.Range(0, 5).Select(i => new CoapPeer("d" + i, null, 0, 0))];
            long now = 0;
            foreach (int number in numbers)
            {
                int peer = number % 5, id = number / 5 % 7, kind = number / 35 % 20;
                now += number % 3;
                if (kind == 1 && now >= cache.SweepAt)
                {
                    cache.Sweep(now);
                    model.RemoveAll(e => now - e.At >= Lifetime);
                }
                if (kind == 0)
                {
                    cache.Forget(peers[peer]);
                    model.RemoveAll(e => e.Peer == peer);
                    continue;
                }
                int known = model.FindLastIndex(e => e.Peer == peer && e.Id == id && now - e.At < Lifetime);
                bool found = cache.TryFind(peers[peer], id, now, out ReadOnlySpan<byte> reply);
                if (found != known >= 0 || (found && !reply.SequenceEqual(model[known].Reply)))
                    return false;
                if (found)
                    continue;
                byte[] made = [0x60, (byte)number, .. new byte[number % 5 == 0 ? 200 : number % 90]];
                cache.Add(peers[peer], id, now, made, mayRunAgain: false);
                for (int i = 0; i < 2 && model.Count > 0 && now - model[0].At >= Lifetime; i++)
                    model.RemoveAt(0);
                if (model.Count(e => e.Peer == peer) == PerPeer)
                    model.RemoveAt(model.FindIndex(e => e.Peer == peer));
                if (model.Count == Capacity)
                    model.RemoveAt(0);
                bool fits = made.Length <= ReplyCache.SlotSize || model.Sum(e => e.Reply.Length > ReplyCache.SlotSize ? e.Reply.Length : 0) + made.Length <= 1000;
                model.Add((peer, id, now, fits ? made : made[..4]));
            }
            return cache.Count == model.Count;
        }));
    }
}
