using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Lwm2m.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Coap;

public class RequestTests
{
    private static Wire WithEcho()
    {
        var wire = new Wire();
        wire.Server.Map("/echo", new EchoResource());
        return wire;
    }

    [Theory]
    [InlineData(CoapCode.Post, "2.04")]
    [InlineData(CoapCode.Put, "2.04")]
    [InlineData(CoapCode.Get, "2.05")]
    [InlineData(CoapCode.Fetch, "2.05")]
    [InlineData(CoapCode.Delete, "4.05")]
    [InlineData((CoapCode)0x1f, "4.05")]
    public void Echo_answers_with_what_it_was_sent(CoapCode method, string code)
    {
        string payload = code == "4.05" ? "" : " 'hello'";
        Assert.Equal($"ACK {code} #17 [77]{payload}", WithEcho().Take(Wire.Message(CoapType.Confirmable, method, 17, "/echo", "hello"u8.ToArray())));
    }

    [Fact]
    public void Echo_keeps_the_format_and_needs_no_payload()
    {
        Wire wire = WithEcho();
        Assert.Equal("ACK 2.04 #1 [77] 12:42 'x'", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 1, "/echo", "x"u8.ToArray(), options: w => w.AddOption(CoapOption.ContentFormat, 42u))));
        Assert.Equal("ACK 2.05 #2 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 2, "/echo")));
    }

    [Fact]
    public void A_nonconfirmable_request_has_a_nonconfirmable_answer_with_an_id_of_its_own()
    {
        Wire wire = WithEcho();
        string answer = wire.Take(Wire.Message(CoapType.NonConfirmable, CoapCode.Post, 17, "/echo", "x"u8.ToArray()));
        Assert.Equal($"NON 2.04 #{wire.LastMessageId()} [77] 'x'", answer);
        int first = wire.LastMessageId();
        wire.Take(Wire.Message(CoapType.NonConfirmable, CoapCode.Post, 18, "/echo", "x"u8.ToArray()));
        Assert.Equal((first + 1) & 0xffff, wire.LastMessageId());
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/ech")]
    [InlineData("/echo/")]
    [InlineData("/echo/more")]
    [InlineData("/more/echo")]
    [InlineData("/ECHO")]
    public void Unknown_paths_are_not_found(string path)
    {
        Wire wire = WithEcho();
        Assert.Equal("ACK 4.04 #17 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 17, path)));
        Assert.Equal(1, wire.Server.Counters.UnknownPaths);
        Assert.Equal(0, wire.Server.Counters.Requests);
    }

    [Fact]
    public void Without_echo_there_is_none() =>
        Assert.Equal("ACK 4.04 #17 [77]", new Wire().Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 17, "/echo", [1])));

    [Fact]
    public void A_resource_may_serve_what_is_below_its_path()
    {
        var wire = new Wire();
        wire.Server.Map("/rd", new Script(e => e.Answer(CoapCode.Changed, CoapPath.Format(e.Request) + e.PathSegments)), andBelow: true);
        wire.Server.Map("/a/b", new Script(e => e.Answer(CoapCode.Changed, CoapPath.Format(e.Request) + e.PathSegments)));
        Assert.Equal("ACK 2.04 #1 [77] '/rd1'", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 1, "/rd")));
        Assert.Equal("ACK 2.04 #2 [77] '/rd/5/61'", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 2, "/rd/5/6")));
        Assert.Equal("ACK 2.04 #3 [77] '/a/b2'", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 3, "/a/b")));
        Assert.Equal("ACK 4.04 #4 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 4, "/a")));
        Assert.Equal("ACK 4.04 #5 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 5, "/rdx")));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(CoapOption.IfMatch)]
    [InlineData(CoapOption.Block1)]
    [InlineData(65001)]
    public void A_critical_option_that_is_not_heeded_is_refused(int number)
    {
        Wire wire = WithEcho();
        byte[] confirmable = Request(CoapType.Confirmable, [(number, [1])]), other = Request(CoapType.NonConfirmable, [(number, [1])]);
        Assert.Equal($"ACK 4.02 #17 [77] 'The option {number} is critical and not heeded here.'", wire.Take(confirmable));
        other[3] = 18;
        Assert.Equal("RST 0.00 #18", wire.Take(other));
        Assert.Equal((2, 0), (wire.Server.Counters.BadOptions, wire.Server.Counters.Requests));
    }

    [Fact]
    public void A_resource_heeds_the_options_it_says()
    {
        var wire = new Wire();
        wire.Server.Map("/x", new Script(e => e.Answer(CoapCode.Changed), CoapOption.IfMatch));
        Assert.Equal("ACK 2.04 #1 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Put, 1, "", options: w =>
        {
            w.AddOption(CoapOption.IfMatch, [1], 0, 1);
            w.AddOption(CoapOption.UriPath, "x");
        })));
    }

    [Fact]
    public void Elective_options_and_those_of_the_URI_do_no_harm() =>
        Assert.Equal("ACK 2.04 #17 [77]", WithEcho().Take(Request(CoapType.Confirmable, [(CoapOption.UriHost, [65]), (4, [1, 2]), (CoapOption.UriPort, [1]), (CoapOption.UriQuery, [65]), (CoapOption.Size1, [1]), (65000, [1])])));

    [Fact]
    public void A_critical_option_of_a_wrong_length_or_too_often_counts_as_not_known()
    {
        Assert.StartsWith("ACK 4.02", WithEcho().Take(Request(CoapType.Confirmable, [(CoapOption.UriPort, [1, 2, 3])])));
        Assert.StartsWith("ACK 4.02", WithEcho().Take(Request(CoapType.Confirmable, [(CoapOption.UriHost, [65]), (CoapOption.UriHost, [65])])));
        Assert.StartsWith("ACK 2.04", WithEcho().Take(Request(CoapType.Confirmable, [(CoapOption.MaxAge, [1, 2, 3, 4, 5]), (CoapOption.Size1, []), (CoapOption.Size1, [])])));
    }

    [Theory]
    [InlineData(CoapOption.ProxyUri)]
    [InlineData(CoapOption.ProxyScheme)]
    public void It_is_no_proxy_and_says_so(int number) => Assert.Equal("ACK 5.05 #17 [77]", WithEcho().Take(Request(CoapType.Confirmable, [(number, [65])])));

    [Fact]
    public void A_ping_is_answered_by_a_reset()
    {
        Wire wire = WithEcho();
        Assert.Equal("RST 0.00 #17", wire.Take(Wire.Empty(CoapType.Confirmable, 17)));
        Assert.False(wire.Answered);
        Assert.Equal(1, wire.Server.Counters.Pings);
    }

    [Theory]
    [InlineData("40200001", "RST 0.00 #1")]
    [InlineData("4f010001", "RST 0.00 #1")]
    [InlineData("40010001f1", "RST 0.00 #1")]
    [InlineData("4000000100", "RST 0.00 #1")]
    [InlineData("40010001ff", "RST 0.00 #1")]
    [InlineData("50010001ff", "")]
    [InlineData("50000001", "")]
    [InlineData("60010001", "")]
    [InlineData("70010001", "")]
    [InlineData("c0010001", "")]
    [InlineData("4001", "")]
    [InlineData("", "")]
    public void What_is_malformed_is_rejected_if_it_is_confirmable_and_else_ignored(string hex, string expected)
    {
        Wire wire = WithEcho();
        Assert.Equal(expected, wire.Take(Convert.FromHexString(hex)));
        Assert.Equal(1, wire.Server.Counters.Malformed);
    }

    [Fact]
    public void Answers_that_fit_nothing_are_rejected_if_they_are_confirmable()
    {
        Wire wire = WithEcho();
        Assert.Equal("RST 0.00 #1", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Content, 1)));
        Assert.Equal("", wire.Take(Wire.Message(CoapType.NonConfirmable, CoapCode.Content, 2)));
        Assert.Equal("", wire.Take(Wire.Message(CoapType.Acknowledgement, CoapCode.Content, 3)));
        Assert.Equal("", wire.Take(Wire.Empty(CoapType.Acknowledgement, 4)));
        Assert.Equal("", wire.Take(Wire.Empty(CoapType.Reset, 5)));
        Assert.Equal(5, wire.Server.Counters.Unmatched);
    }

    [Fact]
    public void Classes_of_answers_that_are_not_wanted_are_acknowledged_only()
    {
        Wire wire = WithEcho();
        Action<CoapWriter> noSuccess = w => w.AddOption(CoapOption.NoResponse, 2u);
        Assert.Equal("ACK 0.00 #1", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 1, "/echo", [65], options: noSuccess)));
        Assert.Equal("ACK 0.00 #1", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 1, "/echo", [65], options: noSuccess)));
        Assert.Equal("", wire.Take(Wire.Message(CoapType.NonConfirmable, CoapCode.Post, 2, "/echo", [65], options: noSuccess)));
        Assert.Equal("ACK 4.04 #3 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 3, "/none", [65], options: noSuccess)));
    }

    [Fact]
    public void A_resource_that_fails_or_says_nothing_is_an_internal_error()
    {
        var failures = new List<Exception>();
        var wire = new Wire(new CoapServerOptions { OnFailure = failures.Add });
        wire.Server.Map("/throws", new Script(e =>
        {
            e.Answer(CoapCode.Content);
            throw new InvalidOperationException("no");
        }));
        wire.Server.Map("/silent", new Script(_ => { }));
        Assert.Equal("ACK 5.00 #1 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 1, "/throws")));
        Assert.Equal("ACK 5.00 #2 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 2, "/silent")));
        Assert.Equal(2, wire.Server.Counters.Failures);
        Assert.IsType<InvalidOperationException>(Assert.Single(failures));
    }

    [Fact]
    public void What_does_not_fit_into_a_datagram_is_not_sent()
    {
        Wire wire = WithEcho();
        wire.Server.Map("/long", new Script(e => e.Answer(CoapCode.NotFound, new string('\u20ac', 500))));
        wire.Peer.MaxMessageSize = 100;
        Assert.Equal("ACK 4.13 #1 [77]", wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, 1, "/echo", new byte[200])));
        string cut = wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Get, 2, "/long"));
        Assert.Equal("ACK 4.04 #2 [77] '" + new string('\u20ac', 31) + "'", cut);
    }

    [Fact]
    public void Noise_is_answered_by_well_formed_messages_or_not_at_all() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(Arb.From(
            from kind in Gen.Elements<byte>(0x40, 0x41, 0x50, 0x60, 0x70)
            from code in Gen.Elements<byte>(0, 1, 2, 3, 69, 200)
            from rest in Gen.Choose(0, 255).Select(b => (byte)b).ListOf()
            select (byte[])[kind, code, .. rest]), message =>
            {
                Wire wire = WithEcho();
                wire.Server.Receive(wire.Peer, message, 0);
                return wire.Sent.Count <= 1 && wire.Sent.All(s => new CoapReader().Read(s.Message, 0, s.Message.Length) == CoapFormatError.None);
            }));

    [Fact]
    public void The_common_request_allocates_nothing()
    {
        var counter = new Counting();
        var server = new CoapServer(counter);
        server.Map("/rd", new EchoResource());
        server.Map("/echo", new EchoResource());
        CoapPeer[] peers = [.. Enumerable.Range(0, 20).Select(i => server.Open("d" + i, null))];
        byte[] request = Wire.Message(CoapType.Confirmable, CoapCode.Post, 0, "/echo", new byte[64]);
        Exchange(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2000, counter.Sent);

        void Exchange(int count)
        {
            for (int i = 0; i < count; i++)
            {
                request[3]++;
                request[2] += (byte)(request[3] == 0 ? 1 : 0);
                server.Receive(peers[i % peers.Length], request, counter.Sent);
            }
        }
    }

    [Theory]
    [InlineData("echo")]
    [InlineData("/")]
    [InlineData("/a//b")]
    [InlineData("")]
    public void What_is_no_path_cannot_be_served(string path) => Assert.ThrowsAny<ArgumentException>(() => new Wire().Server.Map(path, new EchoResource()));

    // A POST to /echo with these options in their places.
    private static byte[] Request(CoapType type, (int Number, byte[] Value)[] options)
    {
        var bytes = new List<byte> { (byte)(0x41 | ((int)type << 4)), 2, 0, 17, 0x77 };
        int before = 0;
        foreach ((int number, byte[] value) in options.Append((CoapOption.UriPath, Encoding.ASCII.GetBytes("echo"))).OrderBy(o => o.Item1))
        {
            int delta = number - before;
            byte[] more = delta < 13 ? [] : delta < 269 ? [(byte)(delta - 13)] : [(byte)((delta - 269) >> 8), (byte)(delta - 269)];
            bytes.AddRange([(byte)(((delta < 13 ? delta : delta < 269 ? 13 : 14) << 4) | value.Length), .. more, .. value]);
            before = number;
        }
        return [.. bytes];
    }

    private sealed class Counting : ICoapChannel
    {
        public long Sent { get; private set; }

        public void Send(CoapPeer peer, ReadOnlySpan<byte> message) => Sent++;
    }
}
