using System.Net;
using IotPsk.Net.Limits;

namespace IotPsk.Net.Tests.Limits;

public class ConnectionGateTests
{
    private static IPAddress Ip(string text) => IPAddress.Parse(text);

    [Theory]
    [InlineData("203.0.113.1", "203.0.113.254", true)]
    [InlineData("203.0.113.1", "203.0.112.1", false)]
    [InlineData("203.0.113.1", "::ffff:203.0.113.9", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:ffff::9", true)]
    [InlineData("2001:db8:1::1", "2001:db8:2::1", false)]
    [InlineData("0.0.0.1", "::1", false)]
    public void Prefixes_are_24_bits_of_ipv4_and_48_of_ipv6(string a, string b, bool same) =>
        Assert.Equal(same, SourcePrefix.Of(Ip(a)) == SourcePrefix.Of(Ip(b)));

    [Fact]
    public void One_prefix_cannot_take_the_places_of_another()
    {
        var gate = new ConnectionGate(new CurrentLimits(new NetLimits { HalfOpenPerPrefix = 2, HalfOpen = 10 }));
        Assert.Null(gate.Enter(Ip("203.0.113.1")));
        Assert.Null(gate.Enter(Ip("203.0.113.2")));
        Assert.Equal(RefusalReason.TooManyHalfOpenOfPrefix, gate.Enter(Ip("203.0.113.3")));
        Assert.Null(gate.Enter(Ip("203.0.114.1")));
        Assert.Equal((3, 3), (gate.Connections, gate.HalfOpen));
        gate.Established(Ip("203.0.113.2"));
        Assert.Null(gate.Enter(Ip("203.0.113.3")));
        Assert.Equal((4, 3), (gate.Connections, gate.HalfOpen));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.200.0.9")]
    [InlineData("::1")]
    public void Loopback_is_exempt_from_the_prefix_limit_but_not_from_the_total(string address)
    {
        var gate = new ConnectionGate(new CurrentLimits(new NetLimits { HalfOpenPerPrefix = 1, HalfOpen = 3 }));
        for (var i = 0; i < 3; i++) Assert.Null(gate.Enter(Ip(address)));
        Assert.Equal(RefusalReason.TooManyHalfOpen, gate.Enter(Ip(address)));
    }

    [Fact]
    public void Zero_is_no_limit()
    {
        var gate = new ConnectionGate(new CurrentLimits(new NetLimits { HalfOpen = 0, HalfOpenPerPrefix = 0, Connections = 0 }));
        for (var i = 0; i < 5000; i++) Assert.Null(gate.Enter(Ip("203.0.113.1")));
    }

    [Fact]
    public void Established_connections_still_count_until_they_leave()
    {
        var gate = new ConnectionGate(new CurrentLimits(new NetLimits { Connections = 1 }));
        Assert.Null(gate.Enter(Ip("203.0.113.1")));
        gate.Established(Ip("203.0.113.1"));
        Assert.Equal(RefusalReason.TooManyConnections, gate.Enter(Ip("198.51.100.1")));
        gate.Left();
        Assert.Null(gate.Enter(Ip("198.51.100.1")));
    }

    [Fact]
    public void Limits_that_change_meanwhile_lose_no_count()
    {
        var limits = new CurrentLimits(new NetLimits { HalfOpenPerPrefix = 0 });
        var gate = new ConnectionGate(limits);
        for (var i = 0; i < 3; i++) Assert.Null(gate.Enter(Ip("203.0.113.1")));
        limits.Value = new NetLimits { HalfOpenPerPrefix = 3 };
        Assert.Equal(RefusalReason.TooManyHalfOpenOfPrefix, gate.Enter(Ip("203.0.113.1")));
        limits.Value = new NetLimits { HalfOpenPerPrefix = 0 };
        for (var i = 0; i < 3; i++) gate.Established(Ip("203.0.113.1"));
        limits.Value = new NetLimits { HalfOpenPerPrefix = 1 };
        Assert.Null(gate.Enter(Ip("203.0.113.1")));
        Assert.Equal((4, 1), (gate.Connections, gate.HalfOpen));
    }

    [Fact]
    public void Counts_are_exact_under_parallel_use()
    {
        var gate = new ConnectionGate(new CurrentLimits(new NetLimits { HalfOpen = 50, HalfOpenPerPrefix = 20 }));
        Parallel.For(0, 8, thread =>
        {
            var address = Ip($"203.0.{thread % 4}.1");
            for (var i = 0; i < 20_000; i++)
            {
                if (gate.Enter(address) is not null) continue;
                if (gate.HalfOpen > 50) throw new InvalidOperationException($"{gate.HalfOpen} half open");
                gate.Established(address);
                gate.Left();
            }
        });
        Assert.Equal((0, 0), (gate.Connections, gate.HalfOpen));
        for (var i = 0; i < 20; i++) Assert.Null(gate.Enter(Ip("203.0.0.1")));
        Assert.Equal(RefusalReason.TooManyHalfOpenOfPrefix, gate.Enter(Ip("203.0.0.1")));
    }

    [Fact]
    public void Limits_out_of_range_are_refused_by_name()
    {
        static string? Name(NetLimits limits) => Assert.ThrowsAny<ArgumentOutOfRangeException>(limits.Validate).ParamName;
        Assert.Equal("HandshakeTimeout", Name(new NetLimits { HandshakeTimeout = TimeSpan.Zero }));
        Assert.Equal("ConnectTimeout", Name(new NetLimits { ConnectTimeout = TimeSpan.FromDays(2) }));
        Assert.Equal("PrologueTimeout", Name(new NetLimits { PrologueTimeout = TimeSpan.FromSeconds(-1) }));
        Assert.Equal("LingerTimeout", Name(new NetLimits { LingerTimeout = TimeSpan.Zero }));
        Assert.Equal("HalfClosedTimeout", Name(new NetLimits { HalfClosedTimeout = TimeSpan.Zero }));
        Assert.Equal("KeepAlive", Name(new NetLimits { KeepAlive = TimeSpan.FromSeconds(-1) }));
        Assert.Equal("HalfOpen", Name(new NetLimits { HalfOpen = -1 }));
        Assert.Equal("HalfOpenPerPrefix", Name(new NetLimits { HalfOpenPerPrefix = -1 }));
        Assert.Equal("Connections", Name(new NetLimits { Connections = -1 }));
        Assert.Equal("PrologueBytes", Name(new NetLimits { PrologueBytes = 0 }));
        new NetLimits().Validate();
    }
}
