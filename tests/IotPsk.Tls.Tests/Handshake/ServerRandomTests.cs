using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Handshake;

public class ServerRandomTests
{
    [Fact]
    public void A_random_that_looks_like_a_downgrade_is_not_used()
    {
        var crypto = new ScriptedRandom([.. new byte[24], .. "DOWNGRD\u0001"u8], [.. new byte[24], .. "DOWNGRD\0"u8], [.. Enumerable.Repeat((byte)5, 32)]);
        byte[] random = new byte[32];
        ServerRandom.Fill(crypto, random);
        Assert.Equal(Enumerable.Repeat((byte)5, 32), random);
        Assert.False(ServerRandom.HasSentinel([.. new byte[24], .. "DOWNGRD\u0002"u8]));
    }

    [Fact]
    public void The_middlebox_mode_sends_one_change_cipher_spec_a_side_with_a_retry_too()
    {
        using var link = new Link(new PskTlsClientOptions { Credentials = [Link.Credential()], KeyShareGroups = [] });
        link.Connect();
        Assert.True(link.Server.Session!.HelloRetried);
        foreach (List<byte> sent in (List<byte>[])[link.ClientEnd.Sent, link.ServerEnd.Sent])
        {
            var types = new List<byte>();
            for (int i = 0; i < sent.Count; i += 5 + (sent[i + 3] << 8) + sent[i + 4])
                types.Add(sent[i]);

            // RFC 8446 sD.4: right after the server's first message, right before the client's second flight.
            Assert.Equal([22, 20], types[..2]);
            Assert.Single(types, type => type == 20);
        }
    }

    /// <summary>Gives these bytes first.</summary>
    private sealed class ScriptedRandom(params byte[][] answers) : ForwardingCrypto
    {
        private int _next;

        public override void FillRandom(Span<byte> destination) => answers[_next++].CopyTo(destination);
    }
}
