using System.Text.Json.Nodes;
using IotPsk.Device.Host;
using IotPsk.Device.Tests.Support;

namespace IotPsk.Device.Tests;

/// <summary>Sessions that go on by ticket: who keeps them, and what happens when the server takes none.</summary>
public sealed class ResumptionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly LiveServer _server = new();
    private readonly Vault _vault;

    public ResumptionTests()
    {
        _vault = new Vault(Path.Combine(_directory, "vault"));
        Provision(0, "sensor-1");
    }

    public void Dispose()
    {
        _vault.Dispose();
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Provision(int slot, string device)
    {
        byte[] bundle = Credentials.Bundle(device, _server.Key, _server.Address).Encode();
        _vault.Import(slot, bundle, bundle.Length);
    }

    // Tickets come after the handshake and before the first answer: only who reads gets them.
    private static void Exchange(IByteChannel channel)
    {
        channel.Send([0x10, 14, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 2, .. "id"u8], 0, 16);
        byte[] answer = new byte[4];
        for (int read = 0; read < answer.Length;)
        {
            int count = channel.Receive(answer, read, answer.Length - read, 20_000);
            Assert.True(count > 0, "the broker answers");
            read += count;
        }
        Assert.Equal([0x20, 2, 0, 0], answer);
    }

    private bool ConnectAndRead(int slot = 0)
    {
        IByteChannel channel = new VaultConnector(_vault, slot).Connect(out TlsConnectionInfo info);
        Assert.Equal("psk_dhe_ke", info.KeyExchangeName);
        Exchange(channel);
        channel.Close();
        return info.IsResumed;
    }

    [Fact]
    public void A_device_that_connects_again_resumes_and_never_offers_a_ticket_twice()
    {
        Assert.Equal([false, true, true, true], [ConnectAndRead(), ConnectAndRead(), ConnectAndRead(), ConnectAndRead()]);
        Assert.Equal(["key", "ticket", "ticket", "ticket"], _server.Desk.Answers);
        Assert.Equal(0, _server.Desk.Repeated);
    }

    [Fact]
    public void A_server_that_lost_its_ticket_keys_costs_one_full_handshake_and_no_attempt()
    {
        ConnectAndRead();
        _server.Desk.ForgetTickets();
        Assert.Equal([false, true], [ConnectAndRead(), ConnectAndRead()]);
        Assert.Equal(["key", "key", "ticket"], _server.Desk.Answers);
    }

    [Fact]
    public void A_server_that_refuses_the_ticket_gets_the_key_at_once()
    {
        ConnectAndRead();
        _server.Desk.RejectsTickets = true;
        Assert.False(ConnectAndRead());
        Assert.Equal(["key", "rejected", "key"], _server.Desk.Answers);
    }

    [Fact]
    public void A_refusal_without_a_ticket_is_one()
    {
        byte[] bundle = Credentials.Bundle("sensor-1", [.. Enumerable.Repeat((byte)9, 32)], _server.Address).Encode();
        _vault.Import(0, bundle, bundle.Length);
        Assert.Equal(PskError.Refused, Assert.Throws<PskException>(() => ConnectAndRead()).Code);
        Assert.Equal(["key"], _server.Desk.Answers);
    }

    [Fact]
    public void Tickets_belong_to_their_slot_and_go_with_its_credential_and_with_the_vault()
    {
        Provision(1, "sensor-2");
        ConnectAndRead(0);
        Assert.False(ConnectAndRead(1));
        Provision(0, "sensor-1");
        Assert.False(ConnectAndRead(0));
        Assert.True(ConnectAndRead(0));
        Assert.All(Directory.GetFiles(Path.Combine(_directory, "vault")), file => Assert.Matches(@"(slot-[01]\.cred|\.lock)$", file));
        using var reopened = new Vault(Path.Combine(_directory, "vault"));
        new VaultConnector(reopened, 0).Connect(out TlsConnectionInfo info).Close();
        Assert.False(info.IsResumed);
    }

    [Fact]
    public void A_ticket_of_the_old_credential_that_comes_late_is_not_kept()
    {
        IByteChannel channel = new VaultConnector(_vault, 0).Connect(out _);
        Provision(0, "sensor-1");
        Exchange(channel);
        channel.Close();
        Assert.False(ConnectAndRead());
    }

    [Fact]
    public void The_program_tells_whether_a_connection_was_resumed()
    {
        string file = Path.Combine(_directory, "sensor-1.cred");
        File.WriteAllBytes(file, Credentials.Bundle("sensor-1", _server.Key, _server.Address).Encode());
        _server.DropsNext = true;
        var output = new StringWriter();
        Assert.Equal(0, HostCommand.Run(["--bundle", file, "--vault", Path.Combine(_directory, "other"), "--count", "2", "--interval", "0.3", "--json"], output, TextWriter.Null));
        bool[] resumed = [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)
            .Where(e => e["event"]!.GetValue<string>() == "connected").Select(e => e["resumed"]!.GetValue<bool>())];
        Assert.Equal([false, true], resumed);
    }
}
