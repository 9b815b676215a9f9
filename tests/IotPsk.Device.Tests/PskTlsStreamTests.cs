using System.Security.Cryptography;
using IotPsk.Device.Tests.Support;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Device.Tests;

/// <summary>The device's TLS over the real native core, against our own server engine.</summary>
public sealed class PskTlsStreamTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("iotpsk-device-").FullName;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly Vault _vault;

    public PskTlsStreamTests()
    {
        _vault = new Vault(Path.Combine(_directory, "vault"));
        File.WriteAllBytes(CredentialFile, Credentials.Bundle("sensor-1", _key).Encode());
    }

    private string CredentialFile => Path.Combine(_directory, "sensor-1.cred");

    private EngineChannel Server(byte[]? key = null, PskBinder binder = PskBinder.Imported) =>
        new(server => server.ProvidePsk(0, key ?? _key, binder, TlsHash.Sha256));

    private PskTlsStream Connect(EngineChannel channel)
    {
        Provisioning.Import(_vault, 0, CredentialFile);
        return PskTlsStream.Connect(channel, _vault, 0, 1000);
    }

    public void Dispose()
    {
        _vault.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void A_handshake_with_the_imported_key_agrees_with_what_the_server_saw()
    {
        using EngineChannel channel = Server();
        using PskTlsStream stream = Connect(channel);
        PskTlsSession session = channel.Server.Session!;
        Assert.Equal(("TLSv1.3", "TLS_AES_128_GCM_SHA256", "psk_dhe_ke", true),
            (stream.Info.VersionName, stream.Info.CipherSuiteName, stream.Info.KeyExchangeName, stream.Info.IsImported));
        Assert.Equal((session.HandshakeBytesReceived, session.HandshakeBytesSent), (stream.Info.HandshakeBytesSent, stream.Info.HandshakeBytesReceived));
        Assert.Equal(PskBinder.Imported, session.Binder);
        Assert.Equal(512, session.PeerRecordSizeLimit);
    }

    [Fact]
    public void Data_goes_both_ways_in_any_size()
    {
        using EngineChannel channel = Server();
        using PskTlsStream stream = Connect(channel);
        byte[] large = RandomNumberGenerator.GetBytes(20_000);
        stream.Write(large, 0, large.Length);
        Assert.Equal(large, channel.Received);
        foreach (int size in (int[])[1, 511, 512, 1000, 3000])
        {
            channel.SendToDevice(large[..size]);
            var read = new byte[size];
            for (int at = 0; at < size;)
                at += stream.Read(read, at, size - at);
            Assert.Equal(large[..size], read);
        }
        Assert.Equal(-1, stream.Receive(new byte[1], 0, 1, 0));
    }

    [Fact]
    public void The_servers_farewell_is_an_end_and_not_an_error_and_ours_reaches_the_server()
    {
        using EngineChannel channel = Server();
        PskTlsStream stream = Connect(channel);
        channel.CloseNotify();
        Assert.Equal(0, stream.Read(new byte[10], 0, 10));

        using EngineChannel other = Server();
        PskTlsStream second = Connect(other);
        second.Close();
        Assert.True(other.IsClosed);
        Assert.Null(other.Server.Error);
        Assert.Equal(PskTlsStatus.Closed, other.Server.Read([], new byte[100], out _, out _));
        Assert.Throws<PskException>(() => second.Write([1], 0, 1));
        stream.Close();
    }

    [Theory]
    [InlineData(true, PskBinder.Imported)]
    [InlineData(false, PskBinder.External)]
    public void A_wrong_key_or_binder_label_is_refused_and_the_connection_closed(bool wrongKey, PskBinder binder)
    {
        using EngineChannel channel = Server(wrongKey ? new byte[32] : null, binder);
        Assert.Equal(PskError.Refused, Assert.Throws<PskException>(() => Connect(channel)).Code);
        Assert.True(channel.IsClosed);
    }

    [Theory]
    [InlineData(47, PskError.Alert, "illegal_parameter")]
    [InlineData(112, PskError.Alert, "unrecognized_name")]
    [InlineData(99, PskError.Alert, "alert 99")]
    [InlineData(115, PskError.UnknownIdentity, "unknown_psk_identity")]
    [InlineData(40, PskError.NoCommonParameters, "handshake_failure")]
    [InlineData(70, PskError.Version, "version")]
    [InlineData(80, PskError.ServerFault, "internal_error")]
    public void The_alert_that_the_server_refused_with_is_named(byte alert, PskError expected, string name)
    {
        var channel = new ScriptedChannel(new FakeClock());
        channel.Deliver(21, 3, 3, 0, 2, 2, alert);
        Provisioning.Import(_vault, 0, CredentialFile);
        PskException refused = Assert.Throws<PskException>(() => PskTlsStream.Connect(channel, _vault, 0, 1000));
        Assert.Equal(expected, refused.Code);
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
        Assert.True(channel.IsClosed);
    }

    [Fact]
    public void A_server_that_is_silent_or_goes_away_is_told_apart()
    {
        using var silent = new EngineChannel(_ => { }) { IsGone = false };
        Assert.Equal(PskError.TimedOut, Assert.Throws<PskException>(() => Connect(silent)).Code);
        using var gone = new EngineChannel(_ => { }) { IsGone = true };
        Assert.Equal(PskError.ConnectionLost, Assert.Throws<PskException>(() => Connect(gone)).Code);
    }

    [Fact]
    public void An_end_of_TCP_without_farewell_is_an_error()
    {
        using EngineChannel channel = Server();
        using PskTlsStream stream = Connect(channel);
        channel.IsGone = true;
        Assert.Equal(PskError.ConnectionLost, Assert.Throws<PskException>(() => stream.Read(new byte[1], 0, 1)).Code);
    }

    [Fact]
    public void An_empty_slot_is_told()
    {
        using EngineChannel channel = Server();
        Assert.Equal(PskError.NoCredential, Assert.Throws<PskException>(() => PskTlsStream.Connect(channel, _vault, 7, 1000)).Code);
        Assert.Null(_vault.Describe(7));
        Assert.Equal(PskError.NoCredential, Assert.Throws<PskException>(() => new VaultConnector(_vault, 7)).Code);
    }

    [Fact]
    public void Provisioning_moves_the_credential_into_the_vault_and_erases_the_file()
    {
        Assert.True(Provisioning.Consume(_vault, 3, CredentialFile));
        Assert.False(File.Exists(CredentialFile));
        Assert.False(Provisioning.Consume(_vault, 3, CredentialFile));
        CredentialBundle described = _vault.Describe(3);
        Assert.Equal(("sensor-1", "gateway-01", 1), (described.DeviceId, described.ServerId, described.Epoch));
        Assert.Null(described.Tls13Key);
        var connector = new VaultConnector(_vault, 3);
        Assert.Equal(("sensor-1", "127.0.0.1:8883"), (connector.DeviceId, connector.Address.ToString()));
    }

    [Fact]
    public void A_damaged_credential_is_refused_and_neither_file_nor_slot_is_lost()
    {
        Provisioning.Import(_vault, 0, CredentialFile);
        byte[] bundle = File.ReadAllBytes(CredentialFile);
        File.WriteAllBytes(CredentialFile, bundle[..^1]);
        PskException refused = Assert.Throws<PskException>(() => Provisioning.Consume(_vault, 0, CredentialFile));
        Assert.True(refused.IsPermanent);
        Assert.True(File.Exists(CredentialFile));
        Assert.Equal("sensor-1", _vault.Describe(0).DeviceId);
        Assert.Equal(PskError.Bundle, Assert.Throws<PskException>(() => Provisioning.ReadPublic(CredentialFile)).Code);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(int.MaxValue)]
    public void A_power_cut_while_the_file_is_overwritten_does_not_stop_the_next_boot(int overwritten)
    {
        Provisioning.Import(_vault, 0, CredentialFile);
        byte[] file = File.ReadAllBytes(CredentialFile);
        Array.Clear(file, 0, Math.Min(overwritten, file.Length));
        File.WriteAllBytes(CredentialFile, file);

        // In a slot that is empty such a file is no credential, and none of ours to erase.
        Assert.Throws<PskException>(() => Provisioning.Consume(_vault, 1, CredentialFile));
        Assert.True(File.Exists(CredentialFile));
        Assert.False(Provisioning.Consume(_vault, 0, CredentialFile));
        Assert.False(File.Exists(CredentialFile));
        Assert.Equal("sensor-1", _vault.Describe(0).DeviceId);
    }

    [Fact]
    public void A_power_cut_before_the_file_is_overwritten_is_made_good_at_the_next_boot()
    {
        Provisioning.Import(_vault, 0, CredentialFile);
        Assert.True(Provisioning.Consume(_vault, 0, CredentialFile));
        Assert.False(File.Exists(CredentialFile));
    }

    [Fact]
    public void What_provisioning_refuses_it_names_with_the_file()
    {
        File.WriteAllBytes(CredentialFile, new byte[5000]);
        Assert.Contains(CredentialFile, Assert.Throws<PskException>(() => Provisioning.Consume(_vault, 0, CredentialFile)).Message, StringComparison.Ordinal);
        Assert.Contains(_directory, Assert.Throws<PskException>(() => Provisioning.Import(_vault, 0, _directory)).Message, StringComparison.Ordinal);
        byte[] bundle = Credentials.Bundle("sensor-1", _key).Encode();
        bundle[^1] = 0xff;
        File.WriteAllBytes(CredentialFile, bundle);
        Assert.Contains(CredentialFile, Assert.Throws<PskException>(() => Provisioning.Import(_vault, 0, CredentialFile)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:8883", "127.0.0.1", 8883)]
    [InlineData("[::1]:1", "::1", 1)]
    [InlineData("gateway.example:65535", "gateway.example", 65535)]
    public void An_address_is_host_and_port(string text, string host, int port)
    {
        var address = new ServerAddress(text);
        Assert.Equal((host, port, text), (address.Host, address.Port, address.ToString()));
    }

    [Theory]
    [InlineData("host")]
    [InlineData(":1")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:x")]
    [InlineData(null)]
    public void What_is_no_address_is_refused(string? text) =>
        Assert.Equal(PskError.Argument, Assert.Throws<PskException>(() => new ServerAddress(text)).Code);
}
