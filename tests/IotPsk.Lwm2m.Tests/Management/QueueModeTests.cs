using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

public class QueueModeTests
{
    private readonly DeviceLab _lab = new(new DirectoryOptions { Observe = [] });

    [Fact]
    public void A_device_that_sleeps_is_asked_when_it_wakes()
    {
        CoapPeer peer = _lab.Connect();
        _lab.Register(peer, queueMode: true);
        _lab.Pass(100_000);
        List<Lwm2mAnswer> first = _lab.Ask(Lwm2mVerb.Read, "/3/0/9"), second = _lab.Ask(Lwm2mVerb.Execute, "/3/0/4");
        _lab.Pass(3_600_000);
        Assert.Empty(_lab.Sent);
        Assert.Equal(2, _lab.Directory.CountWaiting("device-1"));
        _lab.Heard(peer);
        Assert.Equal("GET /3/0/9", _lab.Answer(CoapCode.Content, 0, "95"));
        Assert.Equal("POST /3/0/4", _lab.Answer(CoapCode.Changed));
        Assert.True(first[0].IsSuccess && second[0].IsSuccess);
        // It listens for a while yet.
        _lab.Pass(60_000);
        _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
        Assert.Equal("GET /3/0/9", _lab.Answer(CoapCode.Content, 0, "95"));
    }

    [Fact]
    public void What_it_slept_through_comes_again_and_what_waits_too_long_ends()
    {
        CoapPeer peer = _lab.Connect();
        _lab.Register(peer, queueMode: true);
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
        _lab.Pass(200_000);
        Assert.Equal(5, _lab.Sent.Count);
        Assert.Empty(answers);
        _lab.Sent.Clear();
        _lab.Heard(peer);
        Assert.Equal("GET /3/0/9", _lab.Answer(CoapCode.Content, 0, "95"));
        Assert.True(answers[0].IsSuccess);
        answers = _lab.Ask(Lwm2mVerb.Read, "/3/0/9", more: o => o with { Timeout = TimeSpan.FromMinutes(10) });
        _lab.Pass(601_000);
        Assert.Equal(Lwm2mFailure.TimedOut, answers[0].Failure);
        _lab.Sent.Clear();
        _lab.Heard(peer);
        Assert.Empty(_lab.Sent);
    }

    [Fact]
    public void One_that_wakes_while_a_request_is_repeated_gets_it_at_once()
    {
        CoapPeer peer = _lab.Connect();
        _lab.Register(peer, queueMode: true);
        _lab.Ask(Lwm2mVerb.Read, "/3/0/9");
        _lab.Pass(20_000);
        int before = _lab.Sent.Count;
        _lab.Heard(peer);
        Assert.Equal(before + 1, _lab.Sent.Count);
        _lab.Heard(peer);
        Assert.Equal(before + 1, _lab.Sent.Count);
    }

    [Fact]
    public void What_waits_behind_an_operation_that_was_given_up_goes_by_the_association_that_the_device_has_now()
    {
        _lab.Register(_lab.Connect());
        (List<Lwm2mAnswer> first, PendingOperation pending) = _lab.AskPending(Lwm2mVerb.Read, "/3/0/1");
        Assert.Equal("GET /3/0/1", _lab.Next());
        CoapPeer other = _lab.Connect(shard: 1);
        _lab.Ask(Lwm2mVerb.Read, "/3/0/2");
        Assert.Empty(_lab.Sent);
        _lab.Directory.Cancel(pending);
        _lab.Run();
        Assert.Equal(Lwm2mFailure.Cancelled, first[0].Failure);
        Assert.Equal("GET /3/0/2", _lab.Next(out CoapPeer asked, out _));
        Assert.Same(other, asked);
    }

    [Fact]
    public void A_device_that_comes_by_another_association_takes_its_line_along()
    {
        CoapPeer first = _lab.Connect();
        _lab.Register(first, queueMode: true);
        List<Lwm2mAnswer> read = _lab.Ask(Lwm2mVerb.Read, "/3/0/9"), executed = _lab.Ask(Lwm2mVerb.Execute, "/3/0/4");
        _lab.Sent.Clear();
        // The new one is there before the old one goes, and on another shard.
        CoapPeer second = _lab.Connect(shard: 1);
        _lab.Heard(second);
        Assert.Empty(_lab.Sent);
        _lab.Disconnect(first);
        Assert.Equal("GET /3/0/9", _lab.Next(out CoapPeer asked, out byte[] message));
        Assert.Same(second, asked);
        _lab.Receive(second, DeviceLab.Message(CoapType.Acknowledgement, CoapCode.Content, (message[2] << 8) | message[3], message[4..8], 0, "95"u8.ToArray()));
        Assert.Equal("POST /3/0/4", _lab.Answer(CoapCode.Changed));
        Assert.True(read[0].IsSuccess && executed[0].IsSuccess);
    }

    [Fact]
    public void What_a_device_may_have_done_already_is_not_done_twice()
    {
        CoapPeer first = _lab.Connect();
        _lab.Register(first);
        List<Lwm2mAnswer> executed = _lab.Ask(Lwm2mVerb.Execute, "/3/0/4");
        _lab.Next(out _, out byte[] message);
        byte[] acknowledgement = new byte[4];
        CoapWriter.WriteEmpty(CoapType.Acknowledgement, (message[2] << 8) | message[3], acknowledgement, 0);
        _lab.Receive(first, acknowledgement);
        _lab.Disconnect(first);
        Assert.Equal(Lwm2mFailure.Interrupted, executed[0].Failure);
        _lab.Heard(_lab.Connect());
        Assert.Empty(_lab.Sent);
    }

    [Fact]
    public void Without_an_association_operations_wait_for_one_until_their_time_is_over()
    {
        _lab.Register();
        List<Lwm2mAnswer> late = _lab.Ask(Lwm2mVerb.Read, "/3/0/1"), waits = _lab.Ask(Lwm2mVerb.Read, "/3/0/2", more: o => o with { Timeout = TimeSpan.FromHours(1) });
        _lab.Pass(61_000);
        Assert.Equal(Lwm2mFailure.TimedOut, late[0].Failure);
        Assert.Empty(waits);
        _lab.Connect(shard: 1);
        Assert.Equal("GET /3/0/2", _lab.Answer(CoapCode.Content, 0, "x"));
        Assert.True(waits[0].IsSuccess);
    }

    [Fact]
    public void An_association_that_goes_again_and_again_ends_an_operation_at_last()
    {
        _lab.Register();
        List<Lwm2mAnswer> answers = _lab.Ask(Lwm2mVerb.Read, "/3/0/1", more: o => o with { Timeout = TimeSpan.FromHours(1) });
        for (int i = 0; i < 3; i++)
            _lab.Disconnect(_lab.Connect());
        Assert.Equal(Lwm2mFailure.Interrupted, Assert.Single(answers).Failure);
    }
}
