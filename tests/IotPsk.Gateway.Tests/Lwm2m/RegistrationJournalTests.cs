using IotPsk.Gateway.Serving.Lwm2m;
using IotPsk.Lwm2m;
using IotPsk.Lwm2m.Registration;
using Microsoft.Extensions.Logging.Abstractions;

namespace IotPsk.Gateway.Tests.Lwm2m;

public sealed class RegistrationJournalTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-journal").FullName;

    private string Path => System.IO.Path.Combine(_directory, RegistrationJournal.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task What_was_noted_is_there_after_a_restart_and_what_ended_is_not()
    {
        DeviceRegistration first = New("device-1"), second = New("device-2") with
        {
            IsQueueMode = true,
            Root = "/lwm2m",
            ContentFormats = [110, 112],
            Version = "1.0",
            UpdatedAt = 99_000,
        };
        await using (RegistrationJournal journal = Journal())
        {
            Assert.Empty(journal.Load());
            journal.Start();
            journal.Note("device-1", first);
            journal.Note("device-2", New("device-2"));
            journal.Note("device-3", New("device-3"));
            journal.Flush();
            journal.Note("device-2", second);
            journal.Note("device-3", null);
        }
        await using RegistrationJournal next = Journal();
        DeviceRegistration[] found = [.. next.Load().OrderBy(line => line.Device, StringComparer.Ordinal).Select(line => line.ToRegistration()!)];
        Assert.Equal("/3303/0|/3/0/9 /3303", string.Join('|', next.Load().Single(line => line.Device == "device-2").ToObservations().Select(paths => string.Join(' ', paths))));
        Assert.Equal([Tell(first), Tell(second)], found.Select(Tell));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Theory]
    [InlineData("{\"device\":\"device-2\",\"loc")]
    [InlineData("nothing of that kind\n")]
    [InlineData("{\"location\":\"x\"}\n")]
    [InlineData("\0\0\0\0")]
    [InlineData("{\"device\":null,\"location\":\"x\"}\nnull\n[]\n\"x\"\n{}\n")]
    [InlineData("{\"device\":\"device-2\",\"location\":\"x\",\"version\":\"1.1\",\"objects\":[\"/3/0\",null]}\n")]
    [InlineData("{\"device\":\"device-2\",\"location\":\"x\",\"version\":\"1.1\",\"observe\":[null]}\n")]
    [InlineData("{\"device\":\"device-2\",\"location\":\"x\",\"version\":\"1.1\",\"updated\":9223372036854775807}\n")]
    [InlineData("{\"device\":\"device-2\",\"location\":\"x\",\"version\":\"1.1\",\"registered\":-1}\n")]
    [InlineData("{\"device\":\"device-2\",\"location\":\"x\",\"version\":\"7\"}\n")]
    [InlineData("{\"device\":\"a/+\",\"location\":\"x\",\"version\":\"1.1\"}\n")]
    public async Task A_line_cut_off_by_a_crash_costs_no_other_device_anything(string rest)
    {
        await using (RegistrationJournal journal = Journal())
        {
            journal.Start();
            journal.Note("device-1", New("device-1"));
        }
        File.AppendAllText(Path, rest);
        await using RegistrationJournal next = Journal();
        Assert.Equal("device-1", Assert.Single(next.Load()).Device);
    }

    [Fact]
    public async Task A_file_that_grew_is_written_anew_with_what_is_alive()
    {
        DeviceRegistration[] alive = [New("device-1") with { Root = new string('r', 1 << 20) }];
        await using (var journal = new RegistrationJournal(_directory, () => alive, _ => [], TimeProvider.System, NullLogger.Instance))
        {
            journal.Start();
            for (int i = 0; i < 7; i++)
            {
                journal.Note("device-1", alive[0] = alive[0] with { UpdatedAt = i });
                journal.Flush();
            }
            Assert.InRange(new FileInfo(Path).Length, 1 << 20, 5 << 20);
        }
        await using RegistrationJournal next = Journal();
        Assert.Equal(6, Assert.Single(next.Load()).Updated);
    }

    [Fact]
    public async Task A_disk_that_takes_nothing_stops_nothing_and_is_tried_again()
    {
        string inTheWay = Path + ".new";
        Directory.CreateDirectory(inTheWay);
        await using (var journal = new RegistrationJournal(_directory, () => [New("device-1")], _ => [], TimeProvider.System, NullLogger.Instance))
        {
            journal.Start();
            journal.Note("device-1", New("device-1"));
            journal.Flush();
            Assert.False(File.Exists(Path));
            Directory.Delete(inTheWay);
            journal.Flush();
        }
        await using RegistrationJournal next = Journal();
        Assert.Single(next.Load());
    }

    private RegistrationJournal Journal() => new(_directory, () => [], device => device == "device-2" ? [[new ObjectPath(3303, 0)], [new ObjectPath(3, 0, 9), new ObjectPath(3303)]] : [], TimeProvider.System, NullLogger.Instance);

    private static string Tell(DeviceRegistration r) =>
        $"{r with { Objects = [], ContentFormats = [] }} {string.Join(' ', r.Objects)} {string.Join(' ', r.ContentFormats)}".Replace("System.Collections.Generic.", "", StringComparison.Ordinal);

    private static DeviceRegistration New(string device) => new()
    {
        DeviceId = device,
        Location = "0123456789abcdef",
        Version = "1.1",
        Lifetime = 300,
        Objects = [new ObjectLink(new ObjectPath(1, 0), null), new ObjectLink(new ObjectPath(3), "1.2"), new ObjectLink(new ObjectPath(3303, 65534), null)],
        RegisteredAt = 1_700_000_000_000,
        UpdatedAt = 1_700_000_001_000,
    };
}
