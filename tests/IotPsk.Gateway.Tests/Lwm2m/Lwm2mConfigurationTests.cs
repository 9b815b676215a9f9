using System.Text;
using IotPsk.Gateway.Configuration;

namespace IotPsk.Gateway.Tests.Lwm2m;

public class Lwm2mConfigurationTests
{
    private static (Lwm2mConfiguration? Read, string Errors) Parse(string lwm2m)
    {
        GatewayConfiguration? configuration = ConfigurationReader.Parse(Encoding.UTF8.GetBytes($"{{\"Listeners\":[{{\"Protocol\":\"lwm2m\"}}],\"Lwm2m\":{lwm2m}}}"), out IReadOnlyList<ConfigurationError> errors);
        return (configuration?.Lwm2m, string.Join('\n', errors.Select(e => $"{e.Path} {e.What}")));
    }

    [Fact]
    public void It_says_what_is_observed_and_where_firmware_is()
    {
        (Lwm2mConfiguration? read, string errors) = Parse("""{"Observe":["/3303","/3300-3399","/3/0","/3/0/9"],"QueueSeconds":60,"FirmwareDirectory":"/srv/fw","FirmwareUri":"coaps://[::1]:5684/fw/"}""");
        Assert.Equal("", errors);
        Assert.Equal((4, 60, "/srv/fw", "coaps://[::1]:5684/fw/"), (read!.Observe.Count, read.QueueSeconds, read.FirmwareDirectory, read.FirmwareUri));
        Assert.Equal(["/3200-3203", "/3300-3399"], Parse("{}").Read!.Observe);
        Assert.Empty(Parse("{\"Observe\":[]}").Read!.Observe);
    }

    [Theory]
    [InlineData("{\"Observe\":\"/3303\"}", "$.Lwm2m.Observe is text, not a list")]
    [InlineData("{\"Observe\":[\"/3303\",\"3303\"]}", "$.Lwm2m.Observe[1] \"3303\" is no path of LwM2M")]
    [InlineData("{\"Observe\":[5]}", "$.Lwm2m.Observe[0] is a number, not text")]
    [InlineData("{\"QueueSeconds\":0}", "$.Lwm2m.QueueSeconds is 0, outside 1..2592000")]
    [InlineData("{\"FirmwareDirectory\":\"fw\"}", "$.Lwm2m.FirmwareDirectory \"fw\" is no absolute path")]
    [InlineData("{\"FirmwareUri\":\"http://x/fw/\"}", "$.Lwm2m.FirmwareUri \"http://x/fw/\" is no address of CoAP that ends with a slash")]
    [InlineData("{\"FirmwareUri\":\"coaps://x/fw\"}", "$.Lwm2m.FirmwareUri \"coaps://x/fw\" is no address of CoAP that ends with a slash")]
    [InlineData("{\"Firmware\":\"x\"}", "$.Lwm2m.Firmware is no known key")]
    public void What_is_wrong_is_told_with_its_place(string lwm2m, string error)
    {
        (Lwm2mConfiguration? read, string errors) = Parse(lwm2m);
        Assert.Null(read);
        Assert.Equal(error, errors);
    }
}
