using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

public class AskTests
{
    private readonly Wire _wire = new();
    private readonly Ear _ear = new();

    private sealed class Ear : ICoapRequestListener
    {
        public List<string> Heard { get; } = [];

        public Action? Then { get; set; }

        public void Answered(CoapRequest request, CoapReader response, long now)
        {
            Heard.Add(CoapCodes.Format(response.Code) + " " + Encoding.UTF8.GetString(response.Buffer, response.PayloadOffset, response.PayloadCount));
            Then?.Invoke();
        }

        public void Failed(CoapRequest request, CoapRequestFailure failure) => Heard.Add(failure.ToString());
    }

    private CoapRequest Ask(string path = "/3/0/9") =>
        Assert.IsType<CoapRequest>(_wire.Server.Ask(_wire.Peer, new CoapRequestContent { Method = CoapCode.Get, Path = path }, _ear, _wire.Now));

    private byte[] Token() => _wire.Sent[^1].Message[4..8];

    private static byte[] Response(CoapType type, int id, byte[] token, string text, int observe = -1, CoapCode code = CoapCode.Content)
    {
        byte[] buffer = new byte[100];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, 100, type, code, id, token, 0, token.Length);
        if (observe >= 0)
            writer.AddOption(CoapOption.Observe, (uint)observe);
        byte[] payload = Encoding.UTF8.GetBytes(text);
        writer.WritePayload(payload, 0, payload.Length);
        return buffer[..writer.Length];
    }

    [Fact]
    public void A_request_says_what_it_was_given_in_the_order_of_options()
    {
        CoapRequest? request = _wire.Server.Ask(_wire.Peer, new CoapRequestContent
        {
            Method = CoapCode.Fetch,
            Path = "/a/b?x=1&y",
            Observe = CoapObserve.Register,
            Accept = 112,
            ContentFormat = 320,
            Payload = "[]"u8.ToArray(),
        }, _ear, _wire.Now);
        Assert.NotNull(request);
        Assert.Equal($"CON 0.05 #{_wire.LastMessageId()} [{Convert.ToHexStringLower(Token())}] 6:0 11:97 11:98 12:320 15:7879985 15:121 17:112 '[]'", _wire.Tell(_wire.Sent[^1].Message));
    }

    [Fact]
    public void A_piggybacked_answer_is_heard_once()
    {
        CoapRequest request = Ask();
        byte[] answer = Response(CoapType.Acknowledgement, _wire.LastMessageId(), Token(), "95");
        Assert.Equal("", _wire.Take(answer));
        Assert.True(_wire.Answered && request.IsOver);
        _wire.Take(answer);
        Assert.False(_wire.Answered);
        Assert.Equal(["2.05 95"], _ear.Heard);
        Assert.Equal(long.MaxValue, _wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void An_answer_proves_a_path_only_by_a_token_that_could_not_be_known_before()
    {
        Ask();
        byte[] first = Token();
        _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), first, "95"));
        _wire.Peer.Path++;
        Ask();
        byte[] second = Token();
        for (int step = -3; step <= 3; step++)
        {
            byte[] guess = first.ToArray();
            guess[3] = (byte)(guess[3] + step);
            Assert.NotEqual(second, guess);
        }
        // Its message id is the one after the last: an empty acknowledgement says nothing.
        _wire.Take(Wire.Empty(CoapType.Acknowledgement, _wire.LastMessageId()));
        Assert.False(_wire.Answered);
        _wire.Take(Response(CoapType.NonConfirmable, 1, second, "95"));
        Assert.True(_wire.Answered);

        byte[] observed = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.NotNull(_wire.Server.Ask(_wire.Peer, new CoapRequestContent { Method = CoapCode.Get, Path = "/3", Observe = 0, Token = observed }, _ear, _wire.Now));
        _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), observed, "95", observe: 1));
        Assert.False(_wire.Answered);
        Assert.Equal(3, _ear.Heard.Count);
    }

    [Fact]
    public void A_separate_answer_is_acknowledged_and_again_when_it_comes_again()
    {
        Ask();
        int id = _wire.LastMessageId();
        byte[] token = Token();
        Assert.Equal("", _wire.Take(Wire.Empty(CoapType.Acknowledgement, id)));
        Assert.Equal(_wire.Now + 93_000, _wire.Server.OutgoingDeadline);
        byte[] answer = Response(CoapType.Confirmable, 77, token, "95");
        Assert.Equal("ACK 0.00 #77", _wire.Take(answer));
        Assert.Equal("ACK 0.00 #77", _wire.Take(answer));
        Assert.Equal(["2.05 95"], _ear.Heard);
        Assert.Equal(long.MaxValue, _wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void An_answer_stands_for_an_acknowledgement_that_got_lost()
    {
        Ask();
        byte[] token = Token();
        Ask();
        int before = _wire.Sent.Count;
        Assert.StartsWith("CON 0.01", _wire.Take(Response(CoapType.NonConfirmable, 77, token, "95")), StringComparison.Ordinal);
        Assert.Equal(["2.05 95"], _ear.Heard);
        Assert.Equal(before + 1, _wire.Sent.Count);
    }

    [Fact]
    public void Without_acknowledgement_or_answer_it_is_given_up()
    {
        Ask();
        while (_ear.Heard.Count == 0)
            _wire.Server.Tick(_wire.Now = _wire.Server.OutgoingDeadline);
        Assert.Equal(5, _wire.Sent.Count);
        Ask();
        _wire.Take(Wire.Empty(CoapType.Acknowledgement, _wire.LastMessageId()));
        _wire.Server.Tick(_wire.Now += 92_999);
        Assert.Equal(["TimedOut"], _ear.Heard);
        _wire.Server.Tick(_wire.Now += 1);
        Assert.Equal(["TimedOut", "TimedOut"], _ear.Heard);
    }

    [Fact]
    public void A_reset_a_foreign_token_and_the_end_of_the_association_are_told()
    {
        Ask();
        _wire.Take(Wire.Empty(CoapType.Reset, _wire.LastMessageId()));
        Ask();
        _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), [1, 2], "95"));
        Ask();
        Ask();
        _wire.Server.Close(_wire.Peer);
        Assert.Equal(["Rejected", "Rejected", "Closed", "Closed"], _ear.Heard);
        Assert.Null(_wire.Server.Ask(_wire.Peer, new CoapRequestContent { Method = CoapCode.Get, Path = "/" }, _ear, _wire.Now));
    }

    [Fact]
    public void What_nobody_asked_for_is_a_notification_if_somebody_waits_for_it_and_else_rejected()
    {
        var heard = new Notifications();
        var wire = new Wire(new CoapServerOptions { Notifications = heard });
        byte[] token = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.Equal("ACK 0.00 #1", wire.Take(Response(CoapType.Confirmable, 1, token, "a", 7)));
        Assert.Equal("ACK 0.00 #1", wire.Take(Response(CoapType.Confirmable, 1, token, "a", 7)));
        Assert.Equal("", wire.Take(Response(CoapType.NonConfirmable, 2, token, "b", 8)));
        heard.IsWanted = false;
        Assert.Equal("RST 0.00 #3", wire.Take(Response(CoapType.Confirmable, 3, token, "c", 9)));
        Assert.Equal("RST 0.00 #4", wire.Take(Response(CoapType.NonConfirmable, 4, token, "d", 10)));
        Assert.Equal("", wire.Take(Response(CoapType.NonConfirmable, 5, token, "e")));
        Assert.Equal(["a", "b", "c", "d", "e"], heard.Heard);
    }

    [Fact]
    public void An_acknowledgement_that_is_put_off_comes_once_it_is_given_and_then_again_for_repetitions()
    {
        var heard = new Notifications { Holds = true };
        var wire = new Wire(new CoapServerOptions { Notifications = heard });
        heard.Server = wire.Server;
        byte[] notification = Response(CoapType.Confirmable, 1, [1], "a", 7);
        Assert.Equal("", wire.Take(notification));
        Assert.Equal("", wire.Take(notification));
        heard.Held!.Give();
        Assert.Equal("ACK 0.00 #1", wire.Tell(Assert.Single(wire.Sent).Message));
        Assert.Equal("ACK 0.00 #1", wire.Take(notification));
        Assert.Equal("", wire.Take(Response(CoapType.NonConfirmable, 2, [1], "b", 8)));
        Assert.Null(heard.Held);
        Assert.Equal(["a", "b"], heard.Heard);
    }

    [Fact]
    public void What_is_not_acknowledged_is_taken_as_new_when_it_comes_again()
    {
        var heard = new Notifications { Holds = true };
        var wire = new Wire(new CoapServerOptions { Notifications = heard });
        heard.Server = wire.Server;
        byte[] notification = Response(CoapType.Confirmable, 1, [1], "a", 7);
        Assert.Equal("", wire.Take(notification));
        heard.Held!.Withhold();
        Assert.Equal("", wire.Take(notification));
        heard.Held!.Give();
        Assert.Equal("ACK 0.00 #1", wire.Tell(Assert.Single(wire.Sent).Message));
        Assert.Equal(["a", "a"], heard.Heard);
        wire.Take(Response(CoapType.Confirmable, 2, [1], "b", 8));
        wire.Server.Close(wire.Peer);
        heard.Held!.Give();
        heard.Held!.Withhold();
        Assert.Single(wire.Sent);
    }

    [Fact]
    public void A_request_that_is_cancelled_is_not_sent_again_and_the_next_goes()
    {
        CoapRequest first = Ask("/1"), second = Ask("/2");
        Ask("/3");
        _wire.Server.Cancel(second, _wire.Now);
        _wire.Server.Cancel(first, _wire.Now);
        Assert.Equal(2, _wire.Sent.Count);
        Assert.Contains(" 11:51", _wire.Tell(_wire.Sent[^1].Message), StringComparison.Ordinal);
        byte[] token = Token();
        _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), token, "95"));
        Assert.Equal(["2.05 95"], _ear.Heard);
        Assert.Equal(long.MaxValue, _wire.Server.OutgoingDeadline);
    }

    [Fact]
    public void A_peer_that_woke_gets_at_once_what_it_slept_through()
    {
        Ask();
        _wire.Server.Hurry(_wire.Peer);
        Assert.Single(_wire.Sent);
        _wire.Server.Tick(_wire.Now = _wire.Server.OutgoingDeadline);
        _wire.Server.Hurry(_wire.Peer);
        Assert.Equal(3, _wire.Sent.Count);
        Assert.All(_wire.Sent, sent => Assert.Equal(_wire.Sent[0].Message, sent.Message));
    }

    private sealed class Notifications : ICoapNotifications
    {
        public List<string> Heard { get; } = [];

        public bool IsWanted { get; set; } = true;

        public bool Holds { get; init; }

        public CoapServer? Server { get; set; }

        public CoapAcknowledgement? Held { get; private set; }

        public bool Take(CoapPeer peer, CoapReader notification, long now)
        {
            Heard.Add(Encoding.UTF8.GetString(notification.Buffer, notification.PayloadOffset, notification.PayloadCount));
            if (Holds)
                Held = Server!.HoldAcknowledgement();
            return IsWanted;
        }
    }

    [Fact]
    public void A_listener_may_ask_again_and_may_fail()
    {
        _ear.Then = () =>
        {
            _ear.Then = null;
            Ask("/1");
            throw new InvalidOperationException("mine");
        };
        Ask();
        Assert.StartsWith("CON 0.01", _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), Token(), "95")), StringComparison.Ordinal);
        Assert.Equal(1, _wire.Server.Counters.Failures);
        _wire.Take(Response(CoapType.Acknowledgement, _wire.LastMessageId(), Token(), "96"));
        Assert.Equal(["2.05 95", "2.05 96"], _ear.Heard);
    }

    [Fact]
    public void Too_many_are_refused_and_wrong_ones_are_errors()
    {
        var wire = new Wire(new CoapServerOptions { RequestsPerPeer = 3 });
        var content = new CoapRequestContent { Method = CoapCode.Get, Path = "/" };
        for (int i = 0; i < 3; i++)
            Assert.NotNull(wire.Server.Ask(wire.Peer, content, _ear, wire.Now));
        Assert.Null(wire.Server.Ask(wire.Peer, content, _ear, wire.Now));
        Assert.Throws<ArgumentException>(() => wire.Server.Ask(wire.Peer, content with { Method = CoapCode.Content }, _ear, wire.Now));
        Assert.Throws<ArgumentException>(() => wire.Server.Ask(wire.Peer, content with { Method = CoapCode.Put, Observe = CoapObserve.Register }, _ear, wire.Now));
        Assert.Throws<ArgumentException>(() => _wire.Server.Ask(_wire.Peer, content with { Path = "x" }, _ear, wire.Now));
        Assert.Throws<ArgumentException>(() => _wire.Server.Ask(_wire.Peer, content with { Payload = new byte[2000] }, _ear, wire.Now));
    }
}
