using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

public class SavingTests
{
    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, 0, 8)]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, 4, 0)]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, 0, 0)]
    public void An_association_goes_on_after_it_was_saved_and_loaded(CipherSuite suite, int clientId, int serverId)
    {
        var options = new PskDtlsServerOptions { KeepsExporter = true };
        var clientOptions = new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), CipherSuites = [suite], KeepsExporter = true };
        using var link = new VirtualLink(clientOptions, options, new byte[clientId], new byte[serverId]);
        link.Connect();
        link.Exchange();
        byte[] before = VirtualLink.Sealed(link.Client, [7]);
        ulong sent = link.Server!.Association!.SendSequence;
        byte[] exported = new byte[32];
        link.Server.ExportKeyingMaterial("x"u8, default, exported);

        byte[] saved = new byte[link.Server.SavedLength];
        Assert.Throws<ArgumentException>(() => link.Server.Save(new byte[saved.Length - 1]));
        Assert.Equal(saved.Length, link.Server.Save(saved));

        // Nothing is sealed twice under one number.
        Assert.Equal(PskTlsStatus.Closed, link.Server.Write([1], new byte[2000], out _));
        Assert.Throws<InvalidOperationException>(() => link.Server.SavedLength);
        link.Server.Dispose();

        link.Server = PskDtlsServer.Load(options, saved);
        Assert.True(link.IsDone);
        Assert.Equal((suite, TlsProtocol.Dtls12, true), (link.Server.Session!.CipherSuite, link.Server.Session.Version, link.Server.Session.HasExtendedMasterSecret));
        Assert.Equal(sent + (1UL << 24), link.Server.Association!.SendSequence);
        Assert.Equal(serverId, link.Server.LocalConnectionId.Length);
        byte[] again = new byte[32];
        link.Server.ExportKeyingMaterial("x"u8, default, again);
        Assert.Equal(exported, again);

        // What was on the way is newer than everything that was taken, and counts once.
        link.Deliver(toServer: true, before);
        link.Deliver(toServer: true, before);
        Assert.Equal(2, link.ServerReceived.Count);
        link.Exchange();

        saved = new byte[link.Client.SavedLength];
        link.Client.Save(saved);
        using var client = PskDtlsClient.Load(clientOptions, saved);
        byte[] record = VirtualLink.Sealed(client, [1, 2, 3]);
        link.Server.Receive(record, 0, new byte[100], out _, out int written);
        Assert.Equal(3, written);
    }

    [Fact]
    public void What_was_taken_before_saving_is_not_taken_again()
    {
        using var link = new VirtualLink();
        link.Connect();
        byte[] older = VirtualLink.Sealed(link.Client, [1]), newer = VirtualLink.Sealed(link.Client, [2]);
        link.Deliver(toServer: true, newer);
        byte[] saved = new byte[link.Server!.SavedLength];
        link.Server.Save(saved);
        link.Server = PskDtlsServer.Load(new PskDtlsServerOptions(), saved);
        link.Deliver(toServer: true, newer);
        link.Deliver(toServer: true, older);
        Assert.Single(link.ServerReceived);
    }

    [Fact]
    public void What_is_no_saved_association_is_refused()
    {
        using var link = new VirtualLink(clientId: [1], serverId: [2]);
        link.Connect();
        byte[] saved = new byte[link.Server!.SavedLength];
        link.Server.Save(saved);
        var options = new PskDtlsServerOptions();
        for (int length = 0; length < saved.Length; length++)
            Assert.Throws<FormatException>(() => PskDtlsServer.Load(options, saved.AsSpan(0, length)));
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            byte[] changed = [.. saved];
            changed[random.Next(changed.Length)] = (byte)random.Next(256);
            try
            {
                using var loaded = PskDtlsServer.Load(options, changed);
                loaded.Receive(TestDatagram.Record(23, 1, 9, new byte[40]), 0, new byte[100], out _, out _);
            }
            catch (FormatException)
            {
                // That is the other thing that may happen.
            }
        }

        Assert.Throws<FormatException>(() => PskDtlsServer.Load(options, [.. saved, 0]));
        Assert.Throws<FormatException>(() => PskDtlsServer.Load(options, [2, .. saved[1..]]));
        Assert.Throws<FormatException>(() => PskDtlsClient.Load(VirtualLink.ClientOptions, saved));
        using var unfinished = new VirtualLink();
        Assert.Throws<InvalidOperationException>(() => unfinished.Client.Save(new byte[1000]));
    }
}
