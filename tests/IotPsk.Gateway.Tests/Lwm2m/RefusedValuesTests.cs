using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Gateway.Tests.Support;
using IotPsk.Lwm2m.Management;

namespace IotPsk.Gateway.Tests.Lwm2m;

public sealed class RefusedValuesTests : IDisposable
{
    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("iotpsk");

    public void Dispose() => _state.Delete(recursive: true);

    [Fact]
    public async Task What_a_device_wrote_reaches_the_log_as_one_short_line_that_nothing_obeys()
    {
        var log = new LogLines();
        await using (Lwm2mDevices devices = Lwm2mDevices.Start(_state.FullName, null!, new Lwm2mConfiguration(), TimeProvider.System, log))
        {
            IDeviceEvents events = devices;
            events.Refused("dev-1", $"'\u001b[2J\r\nwarn: all is well\u2028\u202e{new string('x', 60_000)}' is no resource of /3303/0.");
        }

        string line = Assert.Single(log.Lines, each => each.Contains("ValuesRefused", StringComparison.Ordinal));
        Assert.Contains("'?[2J??warn: all is well??xxx", line, StringComparison.Ordinal);
        Assert.DoesNotContain(line, c => char.IsControl(c) || c is '\u2028' or '\u202e');
        Assert.InRange(line.Length, 300, 500);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("'22,5 °C' is no number.", "'22,5 °C' is no number.")]
    public void An_honest_sentence_stays_as_it_is(string text, string shown) => Assert.Equal(shown, LogName.Sentence(text));
}
