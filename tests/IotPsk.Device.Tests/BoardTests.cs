using System.Text;
using IotPsk.Device.App;

namespace IotPsk.Device.Tests;

/// <summary>What a board's program does without a board: its settings, and the file that firmware goes to.</summary>
public sealed class BoardTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("iotpsk-board-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Without_a_file_the_defaults_hold()
    {
        BoardSettings settings = BoardSettings.Read(Path.Combine(_directory.FullName, "iotpsk.conf"));
        Assert.Equal((TelemetryProtocol.Mqtt, false, 60000, -1, -1), (settings.Protocol, settings.Sleeps, settings.Telemetry.Interval, settings.DataPin, settings.ClockPin));
    }

    [Fact]
    public void A_file_sets_what_it_names()
    {
        BoardSettings settings = BoardSettings.Parse("# the meter in the cellar\r\nprotocol = lwm2m\r\nsleep=yes\n\ninterval=900\nsda=21\nscl=22");
        Assert.Equal((TelemetryProtocol.Lwm2m, true, 900000, 21, 22), (settings.Protocol, settings.Sleeps, settings.Telemetry.Interval, settings.DataPin, settings.ClockPin));
    }

    [Theory]
    [InlineData("protocol=coap", 1)]
    [InlineData("interval=60\ninterval=0", 2)]
    [InlineData("interval=86401", 1)]
    [InlineData("interval=often", 1)]
    [InlineData("sleep=1", 1)]
    [InlineData("sda=49", 1)]
    [InlineData("scl=-1", 1)]
    [InlineData("speed=9", 1)]
    [InlineData("# a\n# b\nnonsense", 3)]
    [InlineData("=mqtt", 1)]
    public void A_line_that_is_wrong_is_named(string text, int line)
    {
        ArgumentException problem = Assert.Throws<ArgumentException>(() => BoardSettings.Parse(text));
        Assert.Contains($"line {line}: ", problem.Message, StringComparison.Ordinal);
        Assert.Contains("interval=SECONDS", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sleep_goes_with_LwM2M_alone() => Assert.Throws<ArgumentException>(() => BoardSettings.Parse("sleep=yes"));

    [Fact]
    public void Firmware_is_a_file_once_it_is_whole_and_is_not_run()
    {
        string file = Path.Combine(_directory.FullName, "iotpsk.fw");
        using var sink = new FileSink(file);
        byte[] package = Encoding.ASCII.GetBytes("a package");
        Assert.True(sink.Begin(package.Length));
        Assert.True(sink.Write(package, 0, 4) && sink.Write(package, 4, package.Length - 4));
        Assert.Null(sink.PackageName);
        Assert.True(sink.Finish());
        Assert.Equal(package, File.ReadAllBytes(file));
        Assert.NotNull(sink.PackageName);
        Assert.False(sink.Apply());

        Assert.True(sink.Begin(-1));
        Assert.Null(sink.PackageName);
        Assert.True(sink.Write(package, 0, 1));
        sink.Abort();
        Assert.Empty(_directory.GetFiles());
    }

    [Fact]
    public void Firmware_that_is_empty_or_too_large_is_refused()
    {
        using var sink = new FileSink(Path.Combine(_directory.FullName, "iotpsk.fw"));
        Assert.False(sink.Begin(200 << 10));
        Assert.False(sink.Write(new byte[1], 0, 1));
        Assert.True(sink.Begin(-1));
        byte[] part = new byte[64 << 10];
        Assert.True(sink.Write(part, 0, part.Length) && sink.Write(part, 0, part.Length) && sink.Write(part, 0, part.Length));
        Assert.False(sink.Write(part, 0, 1));
        Assert.True(sink.Begin(-1));
        Assert.False(sink.Finish());
    }
}
