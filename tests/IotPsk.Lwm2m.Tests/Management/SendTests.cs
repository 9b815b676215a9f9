using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

public class SendTests
{
    private const string Pack = "[{\"n\":\"/3303/0/5700\",\"v\":21.5},{\"n\":\"/3/0/9\",\"v\":95}]";

    private readonly DeviceLab _lab = new(new DirectoryOptions { Observe = [] });
    private readonly CoapPeer _peer;
    private int _id;

    public SendTests() => _peer = _lab.Connect();

    private string Send(string payload, int format = 110, CoapCode method = CoapCode.Post, int id = 0, uint? block = null, CoapType type = CoapType.Confirmable)
    {
        int before = _lab.Sent.Count;
        _lab.Receive(_peer, DeviceLab.Message(type, method, id == 0 ? ++_id : id, [9], format, Encoding.UTF8.GetBytes(payload), w => CoapPath.Add(w, "/dp"), w =>
        {
            if (block is { } value)
                w.AddOption(CoapOption.Block1, value);
        }));
        Assert.Equal(0, before);
        var sent = new List<string>();
        while (_lab.Sent.Count > 0)
            sent.Add(_lab.Next());
        return string.Join(" + ", sent);
    }

    [Fact]
    public void What_a_device_sends_is_taken_and_answered_with_its_acknowledgement()
    {
        Assert.StartsWith("ACK 4.04", Send(Pack), StringComparison.Ordinal);
        _lab.Register(_peer);
        Assert.Equal("ACK 2.04", Send(Pack));
        Assert.Equal(["Send device-1 /3303/0/5700=21.5 /3/0/9=95%"], _lab.Values);
        Assert.Equal("? 2.04", Send(Pack, type: CoapType.NonConfirmable));
    }

    [Fact]
    public void The_answer_waits_until_the_values_are_safe_and_repetitions_wait_with_it()
    {
        _lab.Register(_peer);
        _lab.Takes = null;
        Assert.Equal("", Send(Pack, id: 500));
        Assert.Equal("", Send(Pack, id: 500));
        _lab.Take(true);
        Assert.Equal("ACK 2.04", _lab.Next());
        Assert.Equal("ACK 2.04", Send(Pack, id: 500));
        Assert.Single(_lab.Values);
        Assert.Equal("", Send(Pack, id: 501));
        _lab.Take(false);
        Assert.Equal("ACK 5.03", _lab.Next());
        Assert.Equal((1L, 1L), (_lab.Directory.Counters.Sends, _lab.Directory.Counters.NotTaken));
    }

    [Fact]
    public void A_repetition_of_what_was_taken_at_once_is_answered_as_before()
    {
        _lab.Register(_peer);
        Assert.Equal("ACK 2.04", Send(Pack, id: 500));
        Assert.Equal("ACK 2.04", Send(Pack, id: 500));
        Assert.Single(_lab.Values);
    }

    [Theory]
    [InlineData("[]", 60, "4.15")]
    [InlineData("\u0001", 11542, "4.15")]
    [InlineData("[{\"n\":\"/3303/0/5700\"}]", 110, "4.00")]
    [InlineData("[{\"n\":\"/3303/0\",\"v\":1}]", 110, "4.00")]
    [InlineData("[{\"n\":\"temperature\",\"v\":1}]", 110, "4.00")]
    [InlineData("[{\"n\":\"/3303/0/5700\",\"v\":1}", 110, "4.00")]
    [InlineData("[{\"n\":\"/3303/0/5700\",\"v\":1e999}]", 110, "4.00")]
    [InlineData("[{\"n\":\"/1/0/10\",\"vlo\":\"x\"}]", 110, "4.00")]
    [InlineData("\u0081\u0001", 112, "4.00")]
    public void What_cannot_be_taken_is_refused_by_code(string payload, int format, string code)
    {
        _lab.Register(_peer);
        Assert.StartsWith("ACK " + code, Send(payload, format), StringComparison.Ordinal);
        Assert.Empty(_lab.Values);
        Assert.StartsWith("ACK 4.05", Send("", method: CoapCode.Get), StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_a_device_may_bring_is_too_many_requests()
    {
        _lab.Register(_peer);
        int taken = Enumerable.Range(0, 300).Count(_ => Send(Pack) == "ACK 2.04");
        Assert.Equal(200, taken);
        Assert.StartsWith("ACK 4.29", Send(Pack), StringComparison.Ordinal);
        _lab.Now += 1000;
        Assert.Equal(20, Enumerable.Range(0, 50).Count(_ => Send(Pack) == "ACK 2.04"));
        // A long one counts for several.
        _lab.Now += 1000;
        string pack = "[" + string.Join(',', Enumerable.Range(0, 60).Select(i => $"{{\"n\":\"/3303/0/{i}\",\"v\":1}}")) + "]";
        Assert.Equal(7, Enumerable.Range(0, 50).Count(_ => Send(pack) == "ACK 2.04"));
    }

    [Fact]
    public void A_long_pack_comes_in_blocks()
    {
        _lab.Register(_peer);
        string pack = "[" + string.Join(',', Enumerable.Range(0, 40).Select(i => $"{{\"n\":\"/3303/{i}/5700\",\"v\":{i}}}")) + "]";
        for (int number = 0; number * 256 < pack.Length; number++)
        {
            bool more = (number + 1) * 256 < pack.Length;
            Assert.Equal(more ? $"ACK 2.31 block1={number}/1/256" : $"ACK 2.04 block1={number}/0/256", Send(pack[(number * 256)..Math.Min(pack.Length, (number + 1) * 256)], block: new CoapBlock(number, more, 256).Value));
        }
        Assert.EndsWith("/3303/39/5700=39", Assert.Single(_lab.Values), StringComparison.Ordinal);
    }
}
