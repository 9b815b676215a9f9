using IotPsk.Device.Tests.Support;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Device.Tests.Lwm2m;

/// <summary>The device against the gateway's own LwM2M server, in virtual time.</summary>
public sealed class Lwm2mServerTests
{
    private readonly FakeClock _clock = new();
    private readonly ServerLab _server;
    private readonly DeviceLab _device;

    public Lwm2mServerTests()
    {
        _server = new ServerLab(_clock);
        _device = new DeviceLab(_clock);
        _device.Attach(_server);
    }

    private Lwm2mAnswer Ask(Lwm2mVerb verb, string path, Func<Lwm2mOperation, Lwm2mOperation>? more = null)
    {
        List<Lwm2mAnswer> answers = _server.Ask(verb, path, more);
        for (int i = 0; i < 300 && answers.Count == 0; i++)
            _device.Client.Run(1000);
        return answers.Single();
    }

    private static string Tell(Lwm2mAnswer answer) => string.Join(' ', answer.Records.Select(r =>
        FormattableString.Invariant($"{r.Name}={r.Kind switch { SenmlKind.Text => r.Text, SenmlKind.Flag => r.Flag.ToString(), _ => r.Number.ToString() }}")));

    [Fact]
    public void It_registers_updates_in_time_and_deregisters()
    {
        _device.Client.Run(1000);
        Assert.Equal(["registered /1 /1/0 /3 /3/0 /5/0 /3303/0"], _server.Registrations);
        Assert.True(_device.Client.IsRegistered);
        _device.Client.Run(3_600_000);
        Assert.Equal("updated 3600", _server.Registrations[^1]);
        Assert.Equal(2, _server.Registrations.Count);
        _device.Client.Deregister();
        Assert.Equal("Deregistered", _server.Registrations[^1]);
        Assert.False(_device.Client.IsRegistered);
    }

    [Fact]
    public void A_lifetime_that_the_server_writes_is_told_in_an_update_and_kept()
    {
        _device.Client.Run(1000);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Write, "/1/0/1", o => o with { Text = "60" }).Code);
        _device.Client.Run(0);
        Assert.Equal("updated 60", _server.Registrations[^1]);
        _device.Client.Run(100_000);
        Assert.True(_server.Registrations.Count is >= 4 and <= 6);
        Assert.DoesNotContain("Expired", _server.Registrations);
        Assert.Equal(CoapCode.BadRequest, Ask(Lwm2mVerb.Write, "/1/0/1", o => o with { Text = "0" }).Code);
        int before = _server.Registrations.Count;
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/1/0/8").Code);
        _device.Client.Run(0);
        Assert.Equal(before + 1, _server.Registrations.Count);
    }

    [Fact]
    public void A_server_that_forgot_the_device_gets_it_registered_again()
    {
        _device.Client.Run(1000);
        _server.Store.Remove(ServerLab.DeviceId, null, _clock.Now, IotPsk.Lwm2m.Registration.RegistrationEnd.Revoked);
        _device.Client.Run(3_600_000);
        Assert.Equal("registered /1 /1/0 /3 /3/0 /5/0 /3303/0", _server.Registrations[^1]);
        _server.Store.Remove(ServerLab.DeviceId, null, _clock.Now, IotPsk.Lwm2m.Registration.RegistrationEnd.Revoked);
        int sequence = _device.Report(20.5);
        _device.Client.Run(1000);
        Assert.Equal(4, _server.Registrations.Count(r => r.StartsWith("reg", StringComparison.Ordinal)) + 1);
        Assert.Equal([sequence], _device.Delivered);
    }

    [Fact]
    public void Objects_are_read_written_executed_and_discovered()
    {
        _device.Client.Run(1000);
        _device.Temperature.Measure(0, 21.5);
        Assert.Equal("/3303/0/5700=21.5", Tell(Ask(Lwm2mVerb.Read, "/3303/0/5700")));
        Assert.Equal("/3303/0/5601=21.5 /3303/0/5602=21.5 /3303/0/5700=21.5 /3303/0/5701=Cel", Tell(Ask(Lwm2mVerb.Read, "/3303/0")));
        Assert.Contains("/3303/0/5701=Cel", Tell(Ask(Lwm2mVerb.Read, "/3303")), StringComparison.Ordinal);
        Assert.Contains("/3/0/0=IotPsk /3/0/1=virtual /3/0/2=node-1 /3/0/3=1.0 /3/0/10=100 /3/0/11/0=0 /3/0/16=U", Tell(Ask(Lwm2mVerb.Read, "/3/0")), StringComparison.Ordinal);
        Assert.Equal(CoapCode.NotFound, Ask(Lwm2mVerb.Read, "/3/0/13").Code);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Write, "/3/0/13", o => o with { Text = "1700000000" }).Code);
        _clock.Advance(10_000);
        Assert.InRange(double.Parse(Tell(Ask(Lwm2mVerb.Read, "/3/0/13"))["/3/0/13=".Length..], System.Globalization.CultureInfo.InvariantCulture), 1700000010, 1700000012);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/3/0/4").Code);
        Assert.Equal(1, _device.Reboots);
        _device.Device.AddError(DeviceObject.PeripheralMalfunction);
        _device.Device.AddError(DeviceObject.OutOfMemory);
        Assert.Equal("/3/0/11/0=8 /3/0/11/1=4", Tell(Ask(Lwm2mVerb.Read, "/3/0/11")));
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/3/0/12").Code);
        Assert.Equal("/3/0/11/0=0", Tell(Ask(Lwm2mVerb.Read, "/3/0/11")));
        Assert.Equal(CoapCode.MethodNotAllowed, Ask(Lwm2mVerb.Write, "/3/0/0", o => o with { Text = "x" }).Code);
        Assert.Equal(CoapCode.MethodNotAllowed, Ask(Lwm2mVerb.Execute, "/3/0/0").Code);
        Assert.Equal(CoapCode.NotFound, Ask(Lwm2mVerb.Read, "/4711/0").Code);
        _device.Temperature.Measure(0, -3);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Execute, "/3303/0/5605").Code);
        Assert.Equal("/3303/0/5602=-3", Tell(Ask(Lwm2mVerb.Read, "/3303/0/5602")));
    }

    [Fact]
    public void Several_values_of_an_instance_are_written_or_none()
    {
        _device.Client.Run(1000);
        SenmlRecord[] records = [new() { Name = "/1/0/2", Kind = SenmlKind.WholeNumber, WholeNumber = 5, Number = 5 }, new() { Name = "/1/0/3", Kind = SenmlKind.WholeNumber, WholeNumber = 50, Number = 50 }];
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.Update, "/1/0", o => o with { Records = records }).Code);
        Assert.Equal((5, 50), (_device.Client.Server.DefaultMinimumPeriod, _device.Client.Server.DefaultMaximumPeriod));
        records[0].WholeNumber = 7;
        records[1].WholeNumber = -1;
        Assert.Equal(CoapCode.BadRequest, Ask(Lwm2mVerb.Update, "/1/0", o => o with { Records = records }).Code);
        Assert.Equal(5, _device.Client.Server.DefaultMinimumPeriod);
    }

    [Fact]
    public void Values_that_nobody_observes_are_sent_by_themselves_and_kept_until_they_are_safe()
    {
        _server.Takes = false;
        int first = _device.Report(20.5);
        _device.Client.Run(2_000);
        int second = _device.Report(21.5);
        _device.Client.Run(2_000);
        Assert.Empty(_device.Delivered);
        Assert.Equal(2, _device.Client.Undelivered);
        _server.Takes = true;
        _device.Client.Run(400_000);
        Assert.Equal([first, second], _device.Delivered);
        Assert.Equal(["Send /3303/0/5700=20.5", "Send /3303/0/5700=21.5"], _server.Values.Select(v => v[..v.IndexOf('@', StringComparison.Ordinal)]));
        // Their ages differ by what lay between them.
        double[] ages = [.. _server.Values.Select(v => double.Parse(v[(v.IndexOf('@', StringComparison.Ordinal) + 1)..], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(2, ages[1] - ages[0]);
    }

    [Fact]
    public void Observed_values_are_notified_each_with_its_time()
    {
        _device.Client.Run(1000);
        _device.Report(20);
        _device.Client.Run(0);
        _server.Values.Clear();
        Assert.Equal(CoapCode.Content, Ask(Lwm2mVerb.Observe, "/3303/0/5700").Code);
        Assert.Equal(["Notification /3303/0/5700=20@0"], _server.Values);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.WriteAttributes, "/3303/0/5700", o => o with { Text = "pmin=10" }).Code);
        for (int i = 1; i <= 3; i++)
        {
            _device.Report(20 + i);
            _device.Client.Run(1_000);
        }
        Assert.Single(_server.Values);
        _device.Client.Run(10_000);
        Assert.Equal(4, _server.Values.Count);
        Assert.Equal(4, _device.Delivered.Count);
        Assert.All(_server.Values, v => Assert.StartsWith("Notification", v, StringComparison.Ordinal));
        Assert.Equal(CoapCode.Content, Ask(Lwm2mVerb.Cancel, "/3303/0/5700").Code);
        _device.Report(30);
        _device.Client.Run(1000);
        Assert.StartsWith("Send /3303/0/5700=30", _server.Values[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void An_observed_instance_is_notified_as_a_whole_once_for_each_value()
    {
        _device.Client.Run(1000);
        Ask(Lwm2mVerb.Observe, "/3303/0");
        _server.Values.Clear();
        _device.Report(5);
        _device.Report(6);
        _device.Client.Run(5_000);
        Assert.Equal(["/3303/0/5700=5@0", "/3303/0/5700=6@0"], _server.Values.Select(v => v["Notification ".Length..]).Where(v => v.StartsWith("/3303/0/5700", StringComparison.Ordinal)));
        Assert.Equal(8, _server.Values.Count);
        Assert.Equal(2, _device.Delivered.Count);
    }

    [Fact]
    public void Maximum_period_and_conditions_decide_when_to_notify()
    {
        _device.Client.Run(1000);
        _device.Temperature.Measure(0, 20);
        Assert.Equal(CoapCode.Changed, Ask(Lwm2mVerb.WriteAttributes, "/3303/0/5700", o => o with { Text = "pmax=100&gt=30&lt=10&st=5" }).Code);
        Ask(Lwm2mVerb.Observe, "/3303/0/5700");
        _server.Values.Clear();
        foreach (double value in new[] { 21, 24, 25.5, 26, 31, 32, 28.0 })
        {
            _device.Temperature.Measure(0, value);
            _device.Client.Run(1_000);
        }
        Assert.Equal(["25.5@0", "31@0", "28@0"], _server.Values.Select(v => v[(v.IndexOf('=', StringComparison.Ordinal) + 1)..]));
        _device.Client.Run(350_000);
        Assert.Equal(6, _server.Values.Count);
        Assert.Contains("pmax=100;gt=30;lt=10;st=5", Ask(Lwm2mVerb.Discover, "/3303/0").Links, StringComparison.Ordinal);
        Assert.Equal(CoapCode.BadRequest, Ask(Lwm2mVerb.WriteAttributes, "/3303/0/5700", o => o with { Text = "gt=12&lt=8&st=3" }).Code);
        Assert.Equal(CoapCode.BadRequest, Ask(Lwm2mVerb.WriteAttributes, "/3303/0", o => o with { Text = "pmin=x" }).Code);
    }
}
