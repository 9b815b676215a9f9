using IotPsk.Device.App;
using IotPsk.Device.Host;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>The CoAP application of the boards, over the real core and UDP.</summary>
public sealed class DatagramApplicationTests : IDatagramListener, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveDatagramServer _server = new();
    private readonly Vault _vault;
    private readonly List<string> _heard = [];

    public DatagramApplicationTests()
    {
        _vault = new Vault(Path.Combine(_directory, "vault"));
        byte[] bundle = Credentials.DatagramBundle("sensor-1", _server.Key, _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
    }

    void IDatagramListener.OnConnected(TlsConnectionInfo info) => _heard.Add(info.IsResumed ? "woke up" : "connected");

    void IDatagramListener.OnAnswered(int sequence, CoapResponse response) => _heard.Add($"answered {sequence}");

    void IDatagramListener.OnFailed(PskException problem, int retryIn) => _heard.Add($"{problem.Code} {(retryIn < 0 ? "end" : "again")}");

    public void Dispose()
    {
        _vault.Dispose();
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private DatagramApplication Application(DatagramSettings settings)
    {
        settings.Session = new DatagramOptions { UseConnectionId = true, FirstTimeout = 300 };
        settings.AcknowledgementTimeout = 30;
        settings.FirstRetry = 10;
        settings.Interval = 0;
        return new DatagramApplication(_vault, 0, settings, new HostBoard(), this, new UptimeClock(), new Random());
    }

    [Fact]
    public void An_association_that_the_server_lost_is_noticed_and_replaced()
    {
        using (DatagramApplication first = Application(new DatagramSettings { Count = 1, Sleeps = true }))
            Assert.True(first.Run());
        _server.Forget();
        using DatagramApplication second = Application(new DatagramSettings { Count = 2, Sleeps = true });
        Assert.True(second.Run());
        Assert.Equal(["connected", "answered 1", "woke up", "CoapSilent again", "connected", "answered 1", "woke up", "answered 2"], _heard);
        Assert.Equal(2, _server.Handshakes);
    }

    [Fact]
    public void Without_another_attempt_the_first_failure_is_the_end()
    {
        using (DatagramApplication first = Application(new DatagramSettings { Count = 1, Sleeps = true }))
            Assert.True(first.Run());
        _server.Forget();
        using DatagramApplication second = Application(new DatagramSettings { Count = 2, Sleeps = true, Reconnect = false });
        Assert.False(second.Run());
        Assert.Equal(["connected", "answered 1", "woke up", "CoapSilent end"], _heard);
        Assert.Null(PskDatagramSession.Wake(UdpChannel.Open(new ServerAddress(_server.Address)), _vault, 0, null, new UptimeClock()));
    }

    [Fact]
    public void A_server_that_answers_late_is_waited_for()
    {
        _server.AnswersSeparately = true;
        using DatagramApplication application = Application(new DatagramSettings { Count = 3 });
        Assert.True(application.Run());
        Assert.Equal(["connected", "answered 1", "answered 2", "answered 3"], _heard);
    }

    [Fact]
    public void Stopping_ends_a_device_that_waits_for_a_silent_server()
    {
        _server.LosesEvery = 1;
        using DatagramApplication application = Application(new DatagramSettings());
        var running = new Thread(() => application.Run());
        running.Start();
        Assert.True(SpinWait.SpinUntil(() => _server.Datagrams > 0, TimeSpan.FromSeconds(20)));
        application.Stop();
        Assert.True(running.Join(TimeSpan.FromSeconds(20)));
        Assert.Empty(_heard);
    }
}
