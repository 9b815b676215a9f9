namespace IotPsk.Device.Tests;

public sealed class BackOffTests
{
    [Fact]
    public void Waits_double_up_to_the_limit_and_chance_takes_half_at_most()
    {
        var backOff = new BackOff(1000, 60000, new Random(1));
        int[] longest = [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000];
        Assert.All(longest, most => Assert.InRange(backOff.Next(), most / 2, most));
        backOff.Reset();
        Assert.InRange(backOff.Next(), 500, 1000);
        Assert.InRange(backOff.Longest(), 30000, 60000);
    }

    [Fact]
    public void Devices_with_different_chance_do_not_come_back_together() =>
        Assert.True(Enumerable.Range(0, 100).Select(seed => new BackOff(60000, 60000, new Random(seed)).Next()).Distinct().Count() > 50);
}
