using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

public class OutgoingTests
{
    private static (Wire, List<CoapDeferral>) Deferring(CoapServerOptions? options = null)
    {
        var wire = new Wire(options);
        var deferrals = new List<CoapDeferral>();
        wire.Server.Map("/later", new Script(e =>
        {
            if (e.Defer() is { } deferral)
                deferrals.Add(deferral);
        }));
        return (wire, deferrals);
    }

    private static byte[] Get(int id, CoapType type = CoapType.Confirmable) => Wire.Message(type, CoapCode.Get, id, "/later");

    [Fact]
    public void A_separate_answer_follows_an_acknowledgement_and_is_acknowledged()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        Assert.Equal("ACK 0.00 #5", wire.Take(Get(5)));
        Assert.Equal("ACK 0.00 #5", wire.Take(Get(5)));
        CoapDeferral deferral = Assert.Single(deferrals);
        Assert.True(deferral.Answer(CoapCode.Content, CoapContentFormat.Text, "22.3 C"u8, wire.Now));
        int id = wire.LastMessageId();
        Assert.Equal($"CON 2.05 #{id} [77] 12:0 '22.3 C'", wire.Tell(wire.Sent[^1].Message));
        Assert.Equal("ACK 0.00 #5", wire.Take(Get(5)));
        Assert.Equal("", wire.Take(Wire.Empty(CoapType.Acknowledgement, id)));
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
        Assert.Throws<InvalidOperationException>(() => deferral.Answer(CoapCode.Content, -1, default, wire.Now));
    }

    [Fact]
    public void The_separate_answer_to_a_nonconfirmable_request_is_nonconfirmable()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        Assert.Equal("", wire.Take(Get(5, CoapType.NonConfirmable)));
        Assert.Equal("", wire.Take(Get(5, CoapType.NonConfirmable)));
        Assert.True(Assert.Single(deferrals).Answer(CoapCode.Content, -1, "x"u8, wire.Now));
        Assert.Equal($"NON 2.05 #{wire.LastMessageId()} [77] 'x'", wire.Tell(wire.Sent[^1].Message));
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void What_is_not_acknowledged_is_sent_again_four_times_at_doubled_distances()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        wire.Take(Get(5));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        byte[] message = wire.Sent[^1].Message;
        var distances = new List<long>();
        while (wire.Server.OutgoingDeadline != long.MaxValue)
        {
            distances.Add(wire.Server.OutgoingDeadline - wire.Now);
            int before = wire.Sent.Count;
            wire.Server.Tick(wire.Server.OutgoingDeadline - 1);
            Assert.Equal(before, wire.Sent.Count);
            wire.Now = wire.Server.OutgoingDeadline;
            wire.Server.Tick(wire.Now);
            Assert.All(wire.Sent.Skip(before), s => Assert.Equal(message, s.Message));
        }
        Assert.Equal(5, distances.Count);
        Assert.InRange(distances[0], 2000, 3000);
        Assert.Equal(distances.Skip(1), distances.SkipLast(1).Select(d => d * 2));
        Assert.Equal((4L, 1L), (wire.Server.Counters.Retransmissions, wire.Server.Counters.Unacknowledged));
    }

    [Fact]
    public void One_message_at_a_time_waits_for_a_peer()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        for (int id = 1; id <= 3; id++)
            wire.Take(Get(id));
        int before = wire.Sent.Count;
        foreach (CoapDeferral deferral in deferrals)
            Assert.True(deferral.Answer(CoapCode.Content, -1, "x"u8, wire.Now));
        Assert.Equal(before + 1, wire.Sent.Count);
        int first = wire.LastMessageId();
        Assert.StartsWith("CON 2.05", wire.Take(Wire.Empty(CoapType.Acknowledgement, first)));
        Assert.Equal("", wire.Take(Wire.Empty(CoapType.Acknowledgement, first)));
        Assert.False(wire.Answered);
        Assert.StartsWith("CON 2.05", wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId())));
        wire.Take(Wire.Empty(CoapType.Acknowledgement, wire.LastMessageId()));
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void Too_many_put_off_answers_are_refused_until_one_is_given()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring(new CoapServerOptions { DeferralsPerPeer = 2 });
        wire.Take(Get(1));
        wire.Take(Get(2));
        Assert.Equal("ACK 5.03 #3 [77]", wire.Take(Get(3)));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        Assert.Equal("ACK 0.00 #4", wire.Take(Get(4)));
    }

    [Fact]
    public void A_line_that_is_full_takes_no_more()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring(new CoapServerOptions { QueuedPerPeer = 2 });
        for (int id = 1; id <= 4; id++)
            wire.Take(Get(id));
        Assert.Equal([true, true, true, false], deferrals.Select(d => d.Answer(CoapCode.Content, -1, "x"u8, wire.Now)));
    }

    [Fact]
    public void An_answer_to_what_was_sent_before_the_peer_moved_proves_nothing()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        wire.Take(Get(1));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        int old = wire.LastMessageId();
        wire.Peer.Path++;
        wire.Now = wire.Server.OutgoingDeadline;
        wire.Server.Tick(wire.Now);
        Assert.Equal(old, wire.LastMessageId());
        Assert.True(wire.Server.Probe(wire.Peer, wire.Now));
        int probe = wire.LastMessageId();
        Assert.NotEqual(old, probe);
        wire.Take(Wire.Empty(CoapType.Acknowledgement, old));
        Assert.False(wire.Answered);
        wire.Take(Wire.Empty(CoapType.Reset, probe));
        Assert.False(wire.Answered);
        wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId()));
        Assert.True(wire.Answered);
        Assert.Equal(0, wire.Server.Counters.Unmatched);
    }

    [Fact]
    public void A_probe_waits_for_nothing_is_repeated_and_replaced()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        wire.Take(Get(1));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        int answer = wire.LastMessageId();
        wire.Server.Probe(wire.Peer, wire.Now);
        int first = wire.LastMessageId();
        wire.Server.Probe(wire.Peer, wire.Now);
        int second = wire.LastMessageId();
        wire.Take(Wire.Empty(CoapType.Acknowledgement, answer));
        wire.Take(Wire.Empty(CoapType.Reset, first));
        Assert.False(wire.Answered);
        wire.Now = wire.Server.OutgoingDeadline;
        wire.Server.Tick(wire.Now);
        Assert.Equal(second, wire.LastMessageId());
        wire.Take(Wire.Empty(CoapType.Reset, second));
        wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId()));
        Assert.True(wire.Answered);
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void A_probe_is_two_pings_whose_resets_show_where_the_peer_is()
    {
        var wire = new Wire();
        Assert.True(wire.Server.Probe(wire.Peer, wire.Now));
        int id = wire.LastMessageId();
        Assert.Equal($"CON 0.00 #{id}", wire.Tell(wire.Sent[^1].Message));
        CoapPeer other = wire.Server.Open("device-2", null);
        wire.Take(Wire.Empty(CoapType.Reset, id), other);
        Assert.False(wire.Answered);
        wire.Take(Wire.Empty(CoapType.Reset, id ^ 1));
        Assert.False(wire.Answered);
        Assert.StartsWith("CON 0.00 #", wire.Take(Wire.Empty(CoapType.Reset, id)), StringComparison.Ordinal);
        Assert.False(wire.Answered);
        Assert.NotEqual(id, wire.LastMessageId());
        wire.Take(Wire.Empty(CoapType.Reset, id));
        Assert.False(wire.Answered);
        wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId()));
        Assert.True(wire.Answered);
    }

    [Fact]
    public void A_peer_that_moved_after_the_first_ping_has_proved_nothing()
    {
        var wire = new Wire();
        wire.Server.Probe(wire.Peer, wire.Now);
        wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId()));
        wire.Peer.Path++;
        wire.Take(Wire.Empty(CoapType.Reset, wire.LastMessageId()));
        Assert.False(wire.Answered);
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void A_peer_that_knows_which_message_id_is_next_proves_nothing_by_it()
    {
        // It gives a victim's address as its own: it sees nothing of what goes there, and guesses.
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        wire.Take(Get(1));
        wire.Take(Get(2));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        int next = wire.LastMessageId() + 1;
        wire.Take(Wire.Empty(CoapType.Acknowledgement, next - 1));
        Assert.False(wire.Answered);
        wire.Peer.Path++;
        wire.Server.Probe(wire.Peer, wire.Now);
        deferrals[1].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        foreach (CoapType type in (CoapType[])[CoapType.Reset, CoapType.Acknowledgement])
        {
            for (int id = next; id < next + 3; id++)
            {
                wire.Take(Wire.Empty(type, id & 0xffff));
                Assert.False(wire.Answered);
            }
        }
    }

    [Fact]
    public void Guessing_ends_a_probe()
    {
        var wire = new Wire();
        wire.Server.Probe(wire.Peer, wire.Now);
        int right = wire.LastMessageId();
        for (int i = 1; i <= 9; i++)
            wire.Take(Wire.Empty(CoapType.Reset, (right + i) & 0xffff));
        Assert.Equal("", wire.Take(Wire.Empty(CoapType.Reset, right)));
        Assert.False(wire.Answered);
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void A_closed_peer_is_sent_nothing()
    {
        (Wire wire, List<CoapDeferral> deferrals) = Deferring();
        wire.Take(Get(1));
        wire.Take(Get(2));
        deferrals[0].Answer(CoapCode.Content, -1, "x"u8, wire.Now);
        wire.Server.Close(wire.Peer);
        int before = wire.Sent.Count;
        Assert.False(deferrals[1].Answer(CoapCode.Content, -1, "x"u8, wire.Now));
        Assert.False(wire.Server.Probe(wire.Peer, wire.Now));
        Assert.Equal(long.MaxValue, wire.Server.OutgoingDeadline);
        wire.Server.Tick(wire.Now + 1_000_000);
        Assert.Equal(before, wire.Sent.Count);
    }

    [Fact]
    public void A_resource_may_send_while_it_answers()
    {
        var wire = new Wire();
        wire.Server.Map("/x", new Script(e =>
        {
            CoapWriter writer = e.Begin(CoapCode.Content);
            wire.Server.Probe(e.Peer, e.Now);
            writer.WritePayload("ok"u8.ToArray(), 0, 2);
        }));
        Assert.EndsWith(" + ACK 2.05 #1 [77] 'ok'", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 1, "/x")));
    }
}
