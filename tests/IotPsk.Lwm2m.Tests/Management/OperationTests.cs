using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

public class OperationTests
{
    private readonly DeviceLab _lab = new();
    private readonly CoapPeer _peer;

    public OperationTests() => _peer = _lab.Connect();

    private static SenmlRecord Number(string path, double value) => new() { Name = path, Kind = SenmlKind.Number, Number = value };

    private static SenmlRecord Text(string path, string value) => new() { Name = path, Kind = SenmlKind.Text, Text = value };

    [Theory]
    [InlineData("1.0", "accept=11542")]
    [InlineData("1.1", "")]
    [InlineData("1.1", "accept=112", 110, 112, 11542)]
    [InlineData("1.1", "accept=110", 110, 11542)]
    public void A_device_is_read_in_a_format_that_it_takes(string version, string accept, params int[] formats)
    {
        _lab.Register(_peer, version, formats: formats);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
        Assert.Equal("GET /3/0/9" + (accept.Length > 0 ? " " + accept : ""), _lab.Answer(CoapCode.Content, CoapContentFormat.Lwm2mTlv, [0xc1, 9, 95]));
        Lwm2mAnswer answer = Assert.Single(answers);
        Assert.True(answer.IsSuccess);
        Assert.Equal("/3/0/9=95%", DeviceLab.Tell(Assert.Single(answer.Records)));
        Assert.Equal(0, _lab.Directory.Open);
    }

    [Fact]
    public void One_operation_at_a_time_goes_to_a_device_in_the_order_they_were_asked()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> first = _lab.Ask(Lwm2mVerb.Read, "/3/0/1"), second = _lab.Ask(Lwm2mVerb.Read, "/3/0/2");
        Assert.Single(_lab.Sent);
        _lab.Answer(CoapCode.Content, CoapContentFormat.Text, "one");
        Assert.Equal("GET /3/0/2", _lab.Answer(CoapCode.NotFound, -1, "no such thing\n"));
        Assert.Equal("/3/0/1=one", DeviceLab.Tell(first[0].Records[0]));
        Assert.Equal((CoapCode.NotFound, "no such thing", false), (second[0].Code, second[0].Reason, second[0].IsSuccess));
    }

    [Theory]
    [InlineData(Lwm2mVerb.Execute, "/3/0/4", null, "POST /3/0/4")]
    [InlineData(Lwm2mVerb.Execute, "/3/0/4", "0='x',1", "POST /3/0/4 format=0 '0='x',1'")]
    [InlineData(Lwm2mVerb.Delete, "/3303/2", null, "DELETE /3303/2")]
    [InlineData(Lwm2mVerb.WriteAttributes, "/3303/0/5700", "pmin=10&pmax=60&gt=30.5", "PUT /3303/0/5700?pmin=10&pmax=60&gt=30.5")]
    [InlineData(Lwm2mVerb.WriteAttributes, "/3303/0", "pmin", "PUT /3303/0?pmin")]
    [InlineData(Lwm2mVerb.Write, "/3/0/14", "+02:00", "PUT /3/0/14 format=0 '+02:00'")]
    [InlineData(Lwm2mVerb.Write, "/1/0/1", "300", "PUT /1/0/1 format=0 '300'")]
    [InlineData(Lwm2mVerb.Write, "/1/0/6", "true", "PUT /1/0/6 format=0 '1'")]
    public void Operations_are_requests_of_coap(Lwm2mVerb verb, string path, string? text, string request)
    {
        _lab.Register(_peer, "1.0");
        List<Lwm2mAnswer> answers = _lab.Ask(verb, path, more: o => o with { Text = text });
        Assert.Equal(request, _lab.Answer(CoapCode.Changed));
        Assert.True(Assert.Single(answers).IsSuccess);
    }

    [Fact]
    public void Discover_gives_the_links_of_the_device()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Discover, "/3/0");
        Assert.Equal("GET /3/0 accept=40", _lab.Answer(CoapCode.Content, 40, "</3/0>;pmin=10,</3/0/1>,</3/0/9>"));
        Assert.Equal("</3/0>;pmin=10,</3/0/1>,</3/0/9>", answers[0].Links);
        answers = _lab.Ask(Lwm2mVerb.Discover, "/3/0");
        _lab.Answer(CoapCode.Content, 40, "</3/0");
        Assert.Equal(Lwm2mFailure.Unreadable, answers[0].Failure);
    }

    [Fact]
    public void Values_are_written_as_tlv_to_a_device_of_1_0_and_as_senml_to_one_that_says_it_takes_it()
    {
        _lab.Register(_peer, "1.0");
        SenmlRecord[] records = [Text("/1/0/7", "UQ"), new() { Name = "/1/0/1", Kind = SenmlKind.WholeNumber, WholeNumber = 300, Number = 300 }];
        _lab.Ask(Lwm2mVerb.Update, "/1/0", more: o => o with { Records = records });
        Assert.StartsWith("POST /1/0 format=11542", _lab.Next(out CoapPeer _, out byte[] message), StringComparison.Ordinal);
        Assert.EndsWith("c2075551c201012c", Convert.ToHexStringLower(message), StringComparison.Ordinal);
        _lab.Receive(_peer, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Changed, (message[2] << 8) | message[3], message[4..8]));
        _lab.Register(_peer, "1.1", formats: [110]);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Write, "/1/0", more: o => o with { Records = records });
        Assert.Equal("PUT /1/0 format=110 '[{\"bn\":\"/1/0\",\"n\":\"/7\",\"vs\":\"UQ\"},{\"n\":\"/1\",\"v\":300}]'", _lab.Answer(CoapCode.Changed));
        Assert.True(answers[0].IsSuccess);
    }

    [Fact]
    public void A_format_that_the_device_refuses_gives_way_to_the_next()
    {
        _lab.Register(_peer, "1.1", formats: [110]);
        List<Lwm2mAnswer> written = _lab.Ask(Lwm2mVerb.Write, "/3/0/14", more: o => o with { Text = "x" }), read = _lab.Ask(Lwm2mVerb.Read, "/3/0");
        Assert.Contains("format=110", _lab.Answer(CoapCode.UnsupportedContentFormat), StringComparison.Ordinal);
        Assert.Contains("format=0 'x'", _lab.Answer(CoapCode.UnsupportedContentFormat), StringComparison.Ordinal);
        Assert.Contains("format=11542", _lab.Answer(CoapCode.Changed), StringComparison.Ordinal);
        Assert.True(written[0].IsSuccess);
        Assert.Contains("accept=110", _lab.Answer(CoapCode.NotAcceptable), StringComparison.Ordinal);
        Assert.Equal("GET /3/0", _lab.Answer(CoapCode.NotAcceptable));
        Assert.Equal(CoapCode.NotAcceptable, read[0].Code);
    }

    [Fact]
    public void Several_paths_are_a_composite_read_and_values_at_the_root_a_composite_write()
    {
        _lab.Register(_peer, formats: [110]);
        List<Lwm2mAnswer> read = _lab.Ask(Lwm2mVerb.Read, "/3/0/9 /3303/0");
        Assert.Equal("FETCH / format=110 accept=110 '[{\"n\":\"/3/0/9\"},{\"n\":\"/3303/0\"}]'",
            _lab.Answer(CoapCode.Content, 110, "[{\"n\":\"/3/0/9\",\"v\":95},{\"n\":\"/3303/0/5700\",\"v\":21.5,\"u\":\"Cel\"}]"));
        Assert.Equal("/3/0/9=95% /3303/0/5700=21.5Cel", string.Join(' ', read[0].Records.Select(DeviceLab.Tell)));
        List<Lwm2mAnswer> written = _lab.Ask(Lwm2mVerb.Update, "/", more: o => o with { Records = [Number("/3311/0/5851", 50), Number("/3303/0/5821", 1.5)] });
        Assert.Equal("IPATCH / format=110 '[{\"n\":\"/3311/0/5851\",\"v\":50},{\"n\":\"/3303/0/5821\",\"v\":1.5}]'", _lab.Answer(CoapCode.Changed));
        Assert.True(written[0].IsSuccess);
    }

    [Fact]
    public void An_instance_is_made_and_its_path_is_told()
    {
        _lab.Register(_peer, "1.0");
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Create, "/3303", more: o => o with { Records = [Text("/3303/7/5701", "Cel")] });
        Assert.StartsWith("POST /3303 format=11542", _lab.Answer(CoapCode.Created, early: w => CoapPath.AddLocation(w, "/3303/7")), StringComparison.Ordinal);
        Assert.Equal("/3303/7", answers[0].Location);
    }

    [Theory]
    [InlineData(Lwm2mVerb.Execute, "/3/0", null)]
    [InlineData(Lwm2mVerb.Create, "/3/0", null)]
    [InlineData(Lwm2mVerb.Delete, "/3", null)]
    [InlineData(Lwm2mVerb.Read, "/", null)]
    [InlineData(Lwm2mVerb.Read, "/0/0", null)]
    [InlineData(Lwm2mVerb.Read, "/3/0/1 /21/0", null)]
    [InlineData(Lwm2mVerb.Execute, "/3/0/4 /3/0/5", null)]
    [InlineData(Lwm2mVerb.Execute, "/3/0/4", "a\nb")]
    [InlineData(Lwm2mVerb.Write, "/3/0/14", null)]
    [InlineData(Lwm2mVerb.Write, "/3/0", "x")]
    [InlineData(Lwm2mVerb.Write, "/1/0/1", "never")]
    [InlineData(Lwm2mVerb.WriteAttributes, "/3/0", "pmin=-1")]
    [InlineData(Lwm2mVerb.WriteAttributes, "/3/0", "pmax=1&speed=2")]
    [InlineData(Lwm2mVerb.WriteAttributes, "/3/0", null)]
    public void What_makes_no_sense_is_told_without_asking_the_device(Lwm2mVerb verb, string paths, string? text)
    {
        _lab.Register(_peer);
        Lwm2mAnswer answer = Assert.Single(_lab.Ask(verb, paths, more: o => o with { Text = text }));
        Assert.Equal((CoapCode.BadRequest, Lwm2mFailure.Invalid), (answer.Code, answer.Failure));
        Assert.NotEmpty(answer.Reason!);
        Assert.Empty(_lab.Sent);
        Assert.Equal(0, _lab.Directory.Open);
    }

    [Fact]
    public void Who_is_not_registered_is_asked_nothing()
    {
        Assert.Equal(Lwm2mFailure.NotRegistered, Assert.Single(_lab.Ask(Lwm2mVerb.Read, "/3/0")).Failure);
        _lab.Register(_peer);
        List<Lwm2mAnswer> running = _lab.Ask(Lwm2mVerb.Read, "/3/0"), waiting = _lab.Ask(Lwm2mVerb.Read, "/3/0");
        _lab.Directory.Ended("device-1");
        _lab.Run();
        Assert.Equal((Lwm2mFailure.NotRegistered, Lwm2mFailure.NotRegistered), (running[0].Failure, waiting[0].Failure));
        Assert.Equal(long.MaxValue, _lab.Server().OutgoingDeadline);
        Assert.Equal(0, _lab.Directory.Open);
    }

    [Fact]
    public void A_device_that_does_not_answer_is_given_up_and_so_is_one_that_only_acknowledges()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> silent = _lab.Ask(Lwm2mVerb.Read, "/3/0", more: o => o with { Timeout = TimeSpan.FromMinutes(5) });
        _lab.Pass(120_000);
        Assert.Equal((Lwm2mFailure.TimedOut, CoapCode.GatewayTimeout), (silent[0].Failure, silent[0].Code));
        _lab.Sent.Clear();
        List<Lwm2mAnswer> slow = _lab.Ask(Lwm2mVerb.Read, "/3/0"), next = _lab.Ask(Lwm2mVerb.Read, "/3/0/1", more: o => o with { Timeout = TimeSpan.FromMinutes(5) });
        _lab.Next(out _, out byte[] request);
        byte[] acknowledgement = new byte[4];
        CoapWriter.WriteEmpty(CoapType.Acknowledgement, (request[2] << 8) | request[3], acknowledgement, 0);
        _lab.Receive(_peer, acknowledgement);
        _lab.Pass(60_000);
        Assert.Equal(Lwm2mFailure.TimedOut, slow[0].Failure);
        Assert.Equal("GET /3/0/1", _lab.Answer(CoapCode.Content, 0, "x"));
        Assert.True(next[0].IsSuccess);
    }

    [Fact]
    public void A_cancelled_operation_ends_at_once_and_the_next_goes()
    {
        _lab.Register(_peer);
        (List<Lwm2mAnswer> answers, PendingOperation pending) = _lab.AskPending(Lwm2mVerb.Read, "/3/0");
        _lab.Ask(Lwm2mVerb.Read, "/3/0/1");
        _lab.Directory.Cancel(pending);
        _lab.Run();
        Assert.Equal(Lwm2mFailure.Cancelled, Assert.Single(answers).Failure);
        Assert.Equal("GET /3/0", _lab.Next());
        Assert.Equal("GET /3/0/1", _lab.Answer(CoapCode.Content, 0, "x"));
        Assert.Equal(0, _lab.Directory.Open);
    }

    [Fact]
    public void What_waits_for_a_device_is_bounded()
    {
        var lab = new DeviceLab(new DirectoryOptions { QueuedPerDevice = 3, QueuedInAll = 6 });
        lab.Register(objects: "/3/0");
        lab.Register(device: "device-2");
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Empty(lab.Ask(Lwm2mVerb.Read, "/3/0")));
        Assert.Equal(Lwm2mFailure.QueueFull, Assert.Single(lab.Ask(Lwm2mVerb.Read, "/3/0")).Failure);
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Empty(lab.Ask(Lwm2mVerb.Read, "/3/0", "device-2")));
        Assert.Equal(Lwm2mFailure.QueueFull, Assert.Single(lab.Ask(Lwm2mVerb.Read, "/3/0", "device-2")).Failure);
        lab.Pass(61_000);
        Assert.Equal(0, lab.Directory.Open);
        // What is over makes room, though the device was not heard meanwhile.
        Assert.All(Enumerable.Range(0, 3), _ => Assert.Empty(lab.Ask(Lwm2mVerb.Read, "/3/0")));
    }

    [Fact]
    public void Values_that_wait_are_bounded_in_all()
    {
        var lab = new DeviceLab(new DirectoryOptions { QueuedBytes = 10_000 });
        lab.Register();
        Lwm2mOperation Fill(Lwm2mOperation o) => o with { Payload = new byte[4000], ContentFormat = CoapContentFormat.OctetStream };
        Assert.Empty(lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: Fill));
        Assert.Empty(lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: Fill));
        Assert.Equal(Lwm2mFailure.QueueFull, Assert.Single(lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: Fill)).Failure);
        lab.Pass(61_000);
        Assert.Empty(lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: Fill));
    }

    [Fact]
    public void An_answer_that_cannot_be_read_is_told()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Read, "/3/0");
        _lab.Answer(CoapCode.Content, CoapContentFormat.Lwm2mTlv, [0xff, 1, 2]);
        Assert.Equal((Lwm2mFailure.Unreadable, CoapCode.BadGateway), (answers[0].Failure, answers[0].Code));
        answers = _lab.Ask(Lwm2mVerb.Read, "/3/0");
        _lab.Answer(CoapCode.Content, 110, "[{\"n\":\"/4/0/1\",\"v\":1}]");
        Assert.Equal(Lwm2mFailure.Unreadable, answers[0].Failure);
    }

    [Fact]
    public void A_long_value_goes_in_blocks_of_the_devices_size_and_each_gives_it_time()
    {
        _lab.Register(_peer);
        byte[] image = new byte[3000];
        new Random(5).NextBytes(image);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: o => o with { Payload = image, ContentFormat = CoapContentFormat.OctetStream });
        var taken = new List<byte>();
        for (int number = 0; answers.Count == 0; number++)
        {
            // The device wants smaller ones from the second on.
            int size = number == 0 ? 1024 : 512;
            _lab.Next(out _, out byte[] message);
            var reader = new CoapReader();
            reader.Read(message, 0, message.Length);
            Assert.True(reader.FindOption(CoapOption.Block1));
            Assert.True(reader.TryGetUInt(out uint value));
            Assert.True(CoapBlock.TryRead(value, out CoapBlock block));
            Assert.Equal((taken.Count, size), (block.Offset, block.Size));
            taken.AddRange(message[reader.PayloadOffset..]);
            _lab.Pass(1000);
            _lab.Now += 45_000;
            _lab.Receive(_peer, DeviceLab.Message(CoapType.Acknowledgement, block.More ? CoapCode.Continue : CoapCode.Changed, reader.MessageId, message[4..8],
                late: w => w.AddOption(CoapOption.Block1, new CoapBlock(block.Number, block.More, number == 0 ? 512 : size).Value)));
        }
        Assert.Equal(image, taken);
        Assert.True(answers[0].IsSuccess);
    }

    [Fact]
    public void A_long_answer_is_put_together_and_one_that_changes_meanwhile_is_none()
    {
        _lab.Register(_peer);
        string links = string.Join(",", Enumerable.Range(0, 100).Select(i => $"</3303/{i}>"));
        byte[] body = Encoding.ASCII.GetBytes(links);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Discover, "/3303");
        for (int number = 0; number * 256 < body.Length; number++)
        {
            var block = new CoapBlock(number, (number + 1) * 256 < body.Length, 256);
            string request = _lab.Answer(CoapCode.Content, 40, body[(number * 256)..Math.Min(body.Length, (number + 1) * 256)], w => w.AddOption(CoapOption.ETag, [7], 0, 1), w => w.AddOption(CoapOption.Block2, block.Value));
            Assert.Equal(number == 0 ? "GET /3303 accept=40" : $"GET /3303 accept=40 block2={number}/0/256", request);
        }
        Assert.Equal(links, answers[0].Links);
        answers = _lab.Ask(Lwm2mVerb.Discover, "/3303");
        _lab.Answer(CoapCode.Content, 40, body[..256], w => w.AddOption(CoapOption.ETag, [7], 0, 1), w => w.AddOption(CoapOption.Block2, new CoapBlock(0, true, 256).Value));
        _lab.Answer(CoapCode.Content, 40, body[..256], w => w.AddOption(CoapOption.ETag, [8], 0, 1), w => w.AddOption(CoapOption.Block2, new CoapBlock(1, true, 256).Value));
        Assert.Equal(Lwm2mFailure.Rejected, answers[0].Failure);
    }

    [Fact]
    public void An_answer_without_end_is_not_followed()
    {
        var lab = new DeviceLab(new DirectoryOptions { MaxBody = 4096 });
        lab.Register(lab.Connect());
        List<Lwm2mAnswer> answers = lab.Ask(Lwm2mVerb.Read, "/3/0");
        for (int number = 0; answers.Count == 0; number++)
            lab.Answer(CoapCode.Content, 110, new byte[1024], late: w => w.AddOption(CoapOption.Block2, new CoapBlock(number, true, 1024).Value));
        Assert.Equal(Lwm2mFailure.Rejected, answers[0].Failure);
        Assert.Empty(lab.Sent);
    }

    [Fact]
    public void A_value_that_is_too_large_for_the_device_goes_again_in_smaller_blocks()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Write, "/5/0/0", more: o => o with { Payload = new byte[400], ContentFormat = CoapContentFormat.OctetStream });
        Assert.Equal("PUT /5/0/0 format=42", _lab.Answer(CoapCode.RequestEntityTooLarge, late: w => w.AddOption(CoapOption.Block1, new CoapBlock(0, false, 256).Value)));
        Assert.Equal("PUT /5/0/0 format=42 block1=0/1/256 size1=400", _lab.Answer(CoapCode.Continue, late: w => w.AddOption(CoapOption.Block1, new CoapBlock(0, true, 256).Value)));
        // One that lost a block begins anew, once.
        Assert.StartsWith("PUT /5/0/0 format=42 block1=1/0/256", _lab.Answer(CoapCode.RequestEntityIncomplete), StringComparison.Ordinal);
        Assert.StartsWith("PUT /5/0/0 format=42 block1=0/1/256", _lab.Answer(CoapCode.Continue, late: w => w.AddOption(CoapOption.Block1, new CoapBlock(0, true, 256).Value)), StringComparison.Ordinal);
        Assert.StartsWith("PUT /5/0/0 format=42 block1=1/0/256", _lab.Answer(CoapCode.RequestEntityIncomplete), StringComparison.Ordinal);
        Assert.Equal(CoapCode.RequestEntityIncomplete, answers[0].Code);
    }

    [Fact]
    public void What_is_read_is_published_if_that_is_asked_for()
    {
        _lab.Register(_peer);
        _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
        _lab.Answer(CoapCode.Content, 0, "95");
        Assert.Empty(_lab.Values);
        _lab.Ask(Lwm2mVerb.Read, "/3/0/9", more: o => o with { Publishes = true });
        _lab.Answer(CoapCode.Content, 0, "94");
        Assert.Equal(["Notification device-1 /3/0/9=94%"], _lab.Values);
    }

    [Fact]
    public void What_has_ended_does_not_lie_around_until_its_time_would_be_over()
    {
        _lab.Register(_peer, queueMode: true);
        for (int i = 0; i < 5000; i++)
        {
            _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
            _lab.Answer(CoapCode.Content, 0, "95");
        }
        Assert.InRange(_lab.Directory.Deadlines, 0, 1100);
        Assert.Equal(0, _lab.Directory.Open);
    }

    [Fact]
    public void When_the_gateway_stops_everybody_who_waits_is_told()
    {
        _lab.Register(_peer);
        List<Lwm2mAnswer> first = _lab.Ask(Lwm2mVerb.Read, "/3/0"), second = _lab.Ask(Lwm2mVerb.Read, "/3/0");
        _lab.Directory.Stop();
        Assert.Equal((Lwm2mFailure.Cancelled, Lwm2mFailure.Cancelled), (first[0].Failure, second[0].Failure));
    }
}
