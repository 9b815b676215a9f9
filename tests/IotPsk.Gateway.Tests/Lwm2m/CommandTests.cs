using System.Text;
using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Gateway.Tests.Lwm2m;

public class CommandTests
{
    [Theory]
    [InlineData("read/3303/0/5700", "", "Read /3303/0/5700")]
    [InlineData("read", "[\"/3/0/9\",\"/3303/0\"]", "Read /3/0/9 /3303/0")]
    [InlineData("observe", "{\"id\":\"1\",\"value\":[\"/3/0/9\",\"/3303/0\"]}", "Observe /3/0/9 /3303/0")]
    [InlineData("cancel/3/0/9", "", "Cancel /3/0/9")]
    [InlineData("write/3/0/14", "+02:00", "Write /3/0/14 text=+02:00")]
    [InlineData("write/3/0/14", "{\"value\":\"+02:00\"}", "Write /3/0/14 text=+02:00")]
    [InlineData("write/1/0/1", "{\"id\":7,\"value\":300}", "Write /1/0/1 text=300")]
    [InlineData("write/1/0/6", "{\"value\":true}", "Write /1/0/6 text=true")]
    [InlineData("write/1/0/1", "300", "Write /1/0/1 text=300")]
    [InlineData("write/1/0", "[{\"bn\":\"/1/0/\",\"n\":\"1\",\"v\":300},{\"n\":\"7\",\"vs\":\"UQ\"}]", "Write /1/0 /1/0/1 /1/0/7")]
    [InlineData("update/1/0", "{\"value\":[{\"n\":\"/1/0/1\",\"v\":300}]}", "Update /1/0 /1/0/1")]
    [InlineData("write", "[{\"n\":\"/1/0/1\",\"v\":300},{\"n\":\"/3/0/14\",\"vs\":\"x\"}]", "Update / /1/0/1 /3/0/14")]
    [InlineData("execute/3/0/4", "", "Execute /3/0/4")]
    [InlineData("execute/3/0/4", "0='x'", "Execute /3/0/4 text=0='x'")]
    [InlineData("create/3303", "[{\"n\":\"/3303/4/5701\",\"vs\":\"Cel\"}]", "Create /3303 /3303/4/5701")]
    [InlineData("delete/3303/4", "{\"timeout\":5}", "Delete /3303/4 5s")]
    [InlineData("discover/3", "", "Discover /3")]
    [InlineData("attributes/3303/0/5700", "pmin=10&pmax=60", "WriteAttributes /3303/0/5700 text=pmin=10&pmax=60")]
    public void Commands_are_operations(string command, string payload, string expected)
    {
        CommandPayload given = CommandPayload.Read(Encoding.UTF8.GetBytes(payload));
        Assert.Null(given.Problem);
        Lwm2mOperation? operation = Lwm2mCommands.Parse(command, given, out _);
        Assert.NotNull(operation);
        string text = string.Join(' ', [operation.ToString(), .. operation.Records.Select(r => r.Name)]) + (operation.Text is null ? "" : " text=" + operation.Text)
            + (operation.Timeout is { } timeout ? $" {timeout.TotalSeconds}s" : "");
        Assert.Equal(expected, text);
    }

    [Theory]
    [InlineData("reed/3/0", "", "no command")]
    [InlineData("read/x", "", "names no path")]
    [InlineData("read/3/0/65535", "", "names no path")]
    [InlineData("read/3/0/0/0/0", "", "names no path")]
    [InlineData("write/1/0", "[{\"n\":\"/2/0/1\",\"v\":300}]", "no resource of /1/0")]
    [InlineData("write/1/0", "[{\"n\":\"/1/0/1\"}]", "no value")]
    [InlineData("write/1/0", "[1,2]", "SenML")]
    [InlineData("write/1/0", "[", "is none")]
    [InlineData("write/1/0", "{\"value\":", "is none")]
    [InlineData("read", "[\"/3\",\"x\"]", "no path")]
    [InlineData("read", "[\"/3\",5]", "no path")]
    [InlineData("read", "[[[[[[[[[[[[]]]]]]]]]]]]", "is none")]
    public void What_is_no_command_is_told(string command, string payload, string words)
    {
        CommandPayload given = CommandPayload.Read(Encoding.UTF8.GetBytes(payload));
        string problem = given.Problem ?? "";
        if (problem.Length == 0)
            Assert.Null(Lwm2mCommands.Parse(command, given, out problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_no_command() => Assert.NotNull(CommandPayload.Read([0xff, 0xfe]).Problem);

    [Fact]
    public void An_answer_is_json_with_the_values_as_senml()
    {
        var answer = new Lwm2mAnswer { Code = CoapCode.Content, Records = [new SenmlRecord { Name = "/3/0/9", Kind = SenmlKind.WholeNumber, WholeNumber = 95, Number = 95, Unit = "%" }] };
        Assert.Equal("{\"id\":\"a\",\"code\":\"2.05\",\"value\":[{\"n\":\"/3/0/9\",\"u\":\"%\",\"v\":95}]}", Encoding.UTF8.GetString(Lwm2mAnswers.Write("a", answer)));
        Assert.Equal("{\"code\":\"4.00\",\"failure\":\"invalid\",\"reason\":\"no\"}", Encoding.UTF8.GetString(Lwm2mAnswers.Write(null, Lwm2mAnswers.Invalid("no"))));
    }
}
