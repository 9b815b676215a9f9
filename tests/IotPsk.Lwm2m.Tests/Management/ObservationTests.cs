using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Lwm2m.Registration;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

public class ObservationTests
{
    private const string Pack = "[{\"n\":\"/3303/0/5700\",\"v\":21.5}]", Newer = "[{\"n\":\"/3303/0/5700\",\"v\":22}]";
    private static readonly byte[] s_token = DeviceLab.Token("/3303/0");

    private readonly DeviceLab _lab = new();
    private readonly CoapPeer _peer;

    public ObservationTests() => _peer = _lab.Connect();

    private void Observed(string objects = "/3/0 /3303/0")
    {
        _lab.Register(_peer, formats: [110], objects: objects);
        Assert.Equal("GET /3303/0 observe=0 accept=110", _lab.Answer(CoapCode.Content, 110, Pack, early: w => w.AddOption(CoapOption.Observe, 1u)));
        _lab.Values.Clear();
    }

    [Fact]
    public void Sensors_are_observed_after_registration_and_what_is_acknowledged_is_taken_in_whatever_order()
    {
        _lab.Register(_peer, formats: [110], objects: "/3/0 /3303/0 /3304");
        Assert.Equal("GET /3303/0 observe=0 accept=110", _lab.Answer(CoapCode.Content, 110, Pack, early: w => w.AddOption(CoapOption.Observe, 1u)));
        Assert.Equal("GET /3304 observe=0 accept=110", _lab.Answer(CoapCode.NotFound));
        Assert.Empty(_lab.Sent);
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 2, 110, Newer));
        Assert.Equal("", _lab.Notify(_peer, s_token, 3, 110, Pack, CoapType.NonConfirmable));
        // Older than what is known: the device forgets what is acknowledged, so it is taken; what needs no acknowledgement is not.
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 1, 110, Newer));
        Assert.Equal("", _lab.Notify(_peer, s_token, 1, 110, Newer, CoapType.NonConfirmable));
        Assert.Equal(["Notification device-1 /3303/0/5700=21.5", "Notification device-1 /3303/0/5700=22", "Notification device-1 /3303/0/5700=21.5", "Notification device-1 /3303/0/5700=22"], _lab.Values);
        Assert.Equal(["/3303/0"], _lab.Directory.FindActive("device-1").Select(p => p[0].ToString()));
        Assert.Equal("RST", _lab.Notify(_peer, DeviceLab.Token("/3304"), 2, 110, Pack));
        Assert.Equal("RST", _lab.Notify(_peer, DeviceLab.Token("/3/0"), 2, 110, Pack));
    }

    [Fact]
    public void A_notification_is_acknowledged_only_once_its_values_are_safe()
    {
        Observed();
        _lab.Takes = null;
        Assert.Equal("", _lab.Notify(_peer, s_token, 2, 110, Newer, id: 900));
        Assert.Equal("", _lab.Notify(_peer, s_token, 2, 110, Newer, id: 900));
        Assert.Single(_lab.Values);
        _lab.Take(false);
        Assert.Empty(_lab.Sent);
        Assert.Equal("", _lab.Notify(_peer, s_token, 2, 110, Newer, id: 900));
        Assert.Equal(2, _lab.Values.Count);
        _lab.Take(true);
        Assert.Equal("ACK 0.00", _lab.Next());
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 2, 110, Newer, id: 900));
        Assert.Equal((1L, 2L), (_lab.Directory.Counters.NotTaken, _lab.Directory.Counters.Notifications));
    }

    [Fact]
    public async Task The_acknowledgement_is_handed_over_to_the_shard_of_the_device()
    {
        Observed();
        _lab.Takes = null;
        _lab.Notify(_peer, s_token, 2, 110, Newer);
        Action<bool> taken = _lab.Takers.Dequeue();
        await Task.Run(() => taken(true));
        Assert.Empty(_lab.Sent);
        _lab.Run();
        Assert.Equal("ACK 0.00", _lab.Next());
        // The association may be over by then.
        _lab.Notify(_peer, s_token, 3, 110, Newer);
        _lab.Disconnect(_peer);
        Action<bool> late = _lab.Takers.Dequeue();
        await Task.Run(() => late(true));
        _lab.Run();
        Assert.Empty(_lab.Sent);
    }

    [Fact]
    public void A_long_notification_is_fetched_block_by_block()
    {
        Observed();
        byte[] body = Encoding.ASCII.GetBytes("[" + string.Join(',', Enumerable.Range(0, 20).Select(i => $"{{\"n\":\"/3303/0/{5700 + i}\",\"v\":{i}}}")) + "]");
        Assert.Equal("GET /3303/0 accept=110 block2=1/0/256", _lab.Notify(_peer, s_token, 2, 110, Encoding.ASCII.GetString(body[..256]), late: w => w.AddOption(CoapOption.Block2, new CoapBlock(0, true, 256).Value)));
        Assert.Empty(_lab.Values);
        for (int number = 1; number * 256 < body.Length; number++)
        {
            var block = new CoapBlock(number, (number + 1) * 256 < body.Length, 256);
            _lab.Answer(CoapCode.Content, 110, body[(number * 256)..Math.Min(body.Length, (number + 1) * 256)], late: w => w.AddOption(CoapOption.Block2, block.Value));
        }
        Assert.EndsWith("/3303/0/5719=19", Assert.Single(_lab.Values), StringComparison.Ordinal);
        Assert.Equal("ACK 0.00", _lab.Next());
    }

    [Fact]
    public void A_long_list_of_paths_to_observe_goes_in_blocks_that_all_say_so_and_so_does_a_long_notification_of_them()
    {
        _lab.Register(_peer, formats: [110]);
        string[] paths = [.. Enumerable.Range(0, 60).Select(i => $"/10000/1000{i % 10}/100{i}")];
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Observe, string.Join(' ', paths));
        _lab.Next(out _, out byte[] first);
        byte[] token = first[4..(4 + (first[0] & 15))];
        Assert.Equal(6, token.Length);
        _lab.Receive(_peer, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Continue, (first[2] << 8) | first[3], token, late: w => w.AddOption(CoapOption.Block1, new CoapBlock(0, true, 1024).Value)));
        string last = _lab.Next(out _, out byte[] second);
        Assert.StartsWith("FETCH / observe=0 format=110 accept=110 block1=1/0/1024", last, StringComparison.Ordinal);
        Assert.Equal(token, second[4..(4 + (second[0] & 15))]);
        _lab.Receive(_peer, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Content, (second[2] << 8) | second[3], token, 110, "[]"u8.ToArray(), w => w.AddOption(CoapOption.Observe, 1u)));
        Assert.True(answers[0].IsSuccess);
        Assert.Null(answers[0].Reason);
        Assert.Equal(60, Assert.Single(_lab.Directory.FindActive("device-1")).Count);

        string head = "[" + string.Join(',', paths.Take(7).Select(path => $"{{\"n\":\"{path}\",\"v\":1}}")) + ",";
        string asked = _lab.Notify(_peer, token, 2, 110, head.PadRight(256), late: w => w.AddOption(CoapOption.Block2, new CoapBlock(0, true, 256).Value));
        Assert.StartsWith("FETCH / format=110 accept=110 block1=0/1/1024", asked, StringComparison.Ordinal);
        _lab.Answer(CoapCode.Continue, late: w => w.AddOption(CoapOption.Block1, new CoapBlock(0, true, 1024).Value));
        Assert.StartsWith("FETCH / format=110 accept=110 block1=1/0/1024", _lab.Answer(CoapCode.Content, 110, head.PadRight(256), late: w => w.AddOption(CoapOption.Block2, new CoapBlock(0, true, 256).Value)), StringComparison.Ordinal);
        Assert.Equal("FETCH / accept=110 block2=1/0/256", _lab.Answer(CoapCode.Content, 110, $"{{\"n\":\"{paths[^1]}\",\"v\":2}}]", late: w => w.AddOption(CoapOption.Block2, new CoapBlock(1, false, 256).Value)));
        Assert.EndsWith($"{paths[6]}=1 {paths[^1]}=2", Assert.Single(_lab.Values), StringComparison.Ordinal);
        Assert.Equal("ACK 0.00", _lab.Next());
    }

    [Fact]
    public void Observations_outlive_the_association_and_a_restart()
    {
        Observed();
        _lab.Disconnect(_peer);
        CoapPeer next = _lab.Connect(shard: 1);
        Assert.Equal("ACK 0.00", _lab.Notify(next, s_token, 2, 110, Newer));
        // Another run knows the registration, and of the observation that it is wanted.
        var later = new DeviceLab();
        later.Register(objects: "/3303/0", formats: 110);
        CoapPeer restored = later.Connect();
        Assert.Empty(later.Sent);
        Assert.Equal("ACK 0.00", later.Notify(restored, s_token, 7, 110, Newer));
        Assert.Single(later.Values);
        Assert.Equal("ACK 0.00", Assert.Single(later.Sent.ToArray(), _ => true) is var sent && sent.Message.Length == 4 ? later.Next() : "");
    }

    [Fact]
    public void After_a_restart_a_device_that_says_something_else_is_observed_anew_and_so_is_one_that_registers_again()
    {
        _lab.Register(objects: "/3303/0", formats: 110);
        CoapPeer restored = _lab.Connect();
        Assert.Empty(_lab.Sent);
        _lab.Heard(restored);
        Assert.StartsWith("GET /3303/0 observe=0", _lab.Answer(CoapCode.Content, 110, Pack, early: w => w.AddOption(CoapOption.Observe, 90u)), StringComparison.Ordinal);
        Assert.Empty(_lab.Sent);
        _lab.Register(restored, objects: "/3303/0", formats: 110);
        Assert.StartsWith("GET /3303/0 observe=0", _lab.Answer(CoapCode.Content, 110, Pack, early: w => w.AddOption(CoapOption.Observe, 1u)), StringComparison.Ordinal);
        Assert.Equal("ACK 0.00", _lab.Notify(restored, s_token, 2, 110, Newer));
        Assert.Equal(3, _lab.Values.Count);
    }

    [Fact]
    public void What_is_observed_by_request_is_known_for_the_next_run_until_it_is_cancelled()
    {
        Observed();
        List<Lwm2mAnswer> one = _lab.Ask(Lwm2mVerb.Observe, "/3/0/9"), many = _lab.Ask(Lwm2mVerb.Observe, "/3/0/13 /1/0/1");
        Assert.Equal("GET /3/0/9 observe=0 accept=110", _lab.Answer(CoapCode.Content, 110, "[{\"n\":\"/3/0/9\",\"v\":95}]", early: w => w.AddOption(CoapOption.Observe, 1u)));
        _lab.Next(out _, out byte[] composite);
        byte[] token = composite[4..(4 + (composite[0] & 15))];
        Assert.Equal(6, token.Length);
        _lab.Receive(_peer, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Content, (composite[2] << 8) | composite[3], token, 110, "[{\"n\":\"/3/0/13\",\"v\":5}]"u8.ToArray(), w => w.AddOption(CoapOption.Observe, 1u)));
        Assert.Equal("/3/0/9=95%", DeviceLab.Tell(one[0].Records[0]));
        Assert.True(many[0].IsSuccess);
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, token, 2, 110, "[{\"n\":\"/1/0/1\",\"v\":60}]"));
        Assert.EndsWith("/1/0/1=60s", _lab.Values[^1], StringComparison.Ordinal);
        Assert.Equal("/3/0/9, /3/0/13 /1/0/1", _lab.Changes[^1]);
        _lab.Sent.Clear();
        _lab.Ask(Lwm2mVerb.Cancel, "/3/0/9");
        Assert.Equal("GET /3/0/9 observe=1 accept=110", _lab.Answer(CoapCode.Content, 110, "[]"));
        Assert.Equal("/3/0/13 /1/0/1", _lab.Changes[^1]);
        Assert.Equal("RST", _lab.Notify(_peer, DeviceLab.Token("/3/0/9"), 9, 110, "[{\"n\":\"/3/0/9\",\"v\":94}]"));
        // And it is set up again for another run.
        var later = new DeviceLab(new DirectoryOptions { Observe = [] });
        DeviceRegistration registration = later.Register(objects: "/3/0");
        later.Directory.Registered(registration, _lab.Directory.FindExplicit("device-1"));
        later.Heard(later.Connect());
        Assert.StartsWith("FETCH / observe=0 format=112", later.Next(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_observes_nothing_says_so_and_is_not_asked_again()
    {
        _lab.Register(_peer, objects: "/3303/0");
        _lab.Answer(CoapCode.Content, 0, "x");
        _lab.Heard(_peer);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Observe, "/3/0/9");
        _lab.Answer(CoapCode.MethodNotAllowed);
        Assert.Equal(CoapCode.MethodNotAllowed, answers[0].Code);
        _lab.Heard(_peer);
        Assert.Empty(_lab.Sent);
        Assert.Empty(_lab.Directory.FindExplicit("device-1"));
    }

    [Fact]
    public void A_device_that_rejects_an_observation_or_never_answers_it_is_not_asked_over_and_over()
    {
        _lab.Register(_peer, objects: "/3303/0");
        _lab.Next(out _, out byte[] request);
        byte[] reset = new byte[4];
        CoapWriter.WriteEmpty(CoapType.Reset, (request[2] << 8) | request[3], reset, 0);
        _lab.Receive(_peer, reset);
        _lab.Heard(_peer);
        Assert.Empty(_lab.Sent);
        _lab.Register(_peer, objects: "/3303/0");
        _lab.Next(out _, out request);
        CoapWriter.WriteEmpty(CoapType.Acknowledgement, (request[2] << 8) | request[3], reset, 0);
        _lab.Receive(_peer, reset);
        _lab.Pass(300_000);
        _lab.Heard(_peer);
        Assert.Empty(_lab.Sent);
    }

    [Fact]
    public void A_first_value_in_a_message_of_its_own_is_acknowledged_once_it_is_safe()
    {
        _lab.Takes = null;
        _lab.Register(_peer, objects: "/3303/0", formats: 110);
        _lab.Next(out _, out byte[] request);
        byte[] acknowledgement = new byte[4];
        CoapWriter.WriteEmpty(CoapType.Acknowledgement, (request[2] << 8) | request[3], acknowledgement, 0);
        _lab.Receive(_peer, acknowledgement);
        Assert.Equal("", _lab.Notify(_peer, s_token, 1, 110, Pack, id: 70));
        _lab.Take(false);
        Assert.Empty(_lab.Sent);
        Assert.Equal("", _lab.Notify(_peer, s_token, 1, 110, Pack, id: 70));
        Assert.Equal(2, _lab.Values.Count);
        _lab.Take(true);
        Assert.Equal("ACK 0.00", _lab.Next());
    }

    [Fact]
    public void A_notification_that_is_an_error_ends_the_observation()
    {
        Observed();
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, -1, 0, "gone", code: CoapCode.NotFound));
        Assert.Empty(_lab.Directory.FindActive("device-1"));
        Assert.Equal("RST", _lab.Notify(_peer, s_token, 9, 110, Newer));
    }

    [Fact]
    public void What_cannot_be_read_is_told_and_acknowledged_so_that_it_does_not_come_again()
    {
        Observed();
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 2, 110, "[{\"n\":\"/4/0/1\",\"v\":1}]"));
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 3, 11542, "\u0001"));
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 4, 60, "x"));
        Assert.Equal(3, _lab.Refusals.Count);
        Assert.Empty(_lab.Values);
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 5, 110, Newer));
        Assert.Single(_lab.Values);
    }

    [Fact]
    public void A_flood_of_notifications_is_not_acknowledged_beyond_what_a_device_may_bring()
    {
        Observed();
        int acknowledged = Enumerable.Range(2, 1000).Count(i => _lab.Notify(_peer, s_token, i, 110, Newer).Length > 0);
        Assert.Equal(200, acknowledged);
        _lab.Now += 10_000;
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 2000, 110, Newer));
    }

    [Fact]
    public void A_device_that_got_no_acknowledgement_may_have_given_up_and_is_asked_again_at_its_next_update()
    {
        Observed();
        _lab.Takes = false;
        Assert.Equal("", _lab.Notify(_peer, s_token, 2, 110, Newer));
        _lab.Heard(_peer);
        Assert.Empty(_lab.Sent);
        _lab.Directory.Updated(_lab.Directory.Find("device-1")!.Registration with { UpdatedAt = _lab.Now });
        _lab.Heard(_peer);
        Assert.StartsWith("GET /3303/0 observe=0", _lab.Answer(CoapCode.Content, 110, Pack, early: w => w.AddOption(CoapOption.Observe, 1u)), StringComparison.Ordinal);
        _lab.Takes = true;
        Assert.Equal("ACK 0.00", _lab.Notify(_peer, s_token, 2, 110, Newer));
    }

    [Fact]
    public void An_update_with_other_objects_changes_what_is_observed_and_leaves_the_rest()
    {
        Observed("/3303/0 /3303/1");
        _lab.Answer(CoapCode.Content, 110, "[]", early: w => w.AddOption(CoapOption.Observe, 1u));
        DeviceRegistration before = _lab.Directory.Find("device-1")!.Registration;
        _lab.Directory.Updated(before with { Objects = [new ObjectLink(new ObjectPath(3303, 0), null), new ObjectLink(new ObjectPath(3304, 0), null)] });
        _lab.Heard(_peer);
        Assert.StartsWith("GET /3304/0 observe=0", _lab.Answer(CoapCode.Content, 110, "[]", early: w => w.AddOption(CoapOption.Observe, 1u)), StringComparison.Ordinal);
        Assert.Empty(_lab.Sent);
        Assert.Equal(["/3303/0", "/3304/0"], _lab.Directory.FindActive("device-1").Select(p => p[0].ToString()));
        Assert.Equal("RST", _lab.Notify(_peer, DeviceLab.Token("/3303/1"), 2, 110, "[]"));
    }

    [Fact]
    public void Observations_of_a_device_are_bounded()
    {
        _lab.Register(_peer, objects: string.Join(' ', Enumerable.Range(0, 1000).Select(i => $"/3303/{i}")));
        int asked = 0;
        while (_lab.Sent.Count > 0)
        {
            _lab.Answer(CoapCode.Content, 0, "x", early: w => w.AddOption(CoapOption.Observe, 1u));
            asked++;
        }
        Assert.Equal(64, asked);
        Assert.Equal(Lwm2mFailure.QueueFull, Assert.Single(_lab.Ask(Lwm2mVerb.Observe, "/3/0")).Failure);
    }

    [Theory]
    [InlineData("/3303", "/3303/0 /3303/7 /3304")]
    [InlineData("/3300-3399", "/3303/0 /3303/7 /3304")]
    [InlineData("/3303/7", "/3303/7")]
    [InlineData("/3304/0/5700", "/3304/0/5700")]
    [InlineData("/3/0/9", "/3/0/9")]
    [InlineData("/5", "")]
    public void A_rule_says_what_is_observed_of_those_who_have_it(string rule, string expected)
    {
        Assert.True(ObservationRule.TryParse(rule, out ObservationRule? parsed));
        ObjectLink[] objects = [.. new[] { new ObjectPath(3, 0), new ObjectPath(3303), new ObjectPath(3303, 0), new ObjectPath(3303, 7), new ObjectPath(3304) }.Select(p => new ObjectLink(p, null))];
        Assert.Equal(rule == "/3303" ? "/3303/0 /3303/7" : expected, string.Join(' ', parsed.Apply(objects)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("3303")]
    [InlineData("/3399-3300")]
    [InlineData("/3303-")]
    [InlineData("/3300-65535")]
    [InlineData("/3300-3301/0")]
    public void What_is_no_rule_is_refused(string text) => Assert.False(ObservationRule.TryParse(text, out _));
}
