using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Records;

public class KeyUpdateTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Keys_change_both_ways_when_asked_for(bool byClient)
    {
        using var link = new Link();
        link.Connect();
        (Wire sender, Wire receiver) = byClient ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        for (int i = 0; i < 100; i++)
        {
            byte[] answer = receiver.Deliver(Update(sender, request: true));
            Assert.Equal(5 + 5 + 1 + 16, answer.Length);
            Assert.Equal(0UL, receiver.Connection.Records.WriteProtection!.Sequence);
            Assert.Empty(sender.Deliver(answer));
            link.Exchange();
        }
    }

    [Fact]
    public void A_change_that_asks_for_nothing_is_not_answered()
    {
        using var link = new Link();
        link.Connect();
        Assert.Empty(link.ServerEnd.Deliver(Update(link.ClientEnd, request: false)));
        link.Exchange();
    }

    [Fact]
    public void A_KeyUpdate_may_be_spread_over_records()
    {
        using var link = new Link();
        link.Connect();
        byte[] first = TestRecord.Protected(link.Client, 22, 24, 0);
        byte[] second = TestRecord.Protected(link.Client, 22, 0, 1);
        byte[] third = TestRecord.Protected(link.Client, 22, 0);
        link.Client.Records.TryUpdateWriteKeys(false);
        link.Client.Records.Drain(new byte[100]);
        byte[] nextKeysExpected = [.. first, .. second, .. third];
        link.ServerEnd.Deliver(nextKeysExpected);
        Assert.Null(link.Server.Error);
        link.ServerEnd.Deliver(link.ClientEnd.Write([5]));
        Assert.Equal([5], link.ServerEnd.Received);
    }

    [Fact]
    public void Requests_that_come_before_the_answer_left_get_one_answer()
    {
        using var link = new Link();
        link.Connect();
        byte[] plaintext = new byte[100];
        for (int i = 0; i < 3; i++)
        {
            byte[] update = Update(link.ClientEnd, request: true);
            Assert.Equal(PskTlsStatus.Complete, link.Server.Read(update, plaintext, out int consumed, out int written));
            Assert.Equal((update.Length, 0), (consumed, written));
            Assert.True(link.Server.HasOutput);
        }

        // The answer goes before data.
        byte[] wire = link.ServerEnd.Write([7]);
        Assert.Equal((5 + 5 + 1 + 16) + (5 + 1 + 1 + 16), wire.Length);
        link.ClientEnd.Deliver(wire);
        Assert.Equal([7], link.ClientEnd.Received);
        link.Exchange();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Changes_without_data_are_borne_only_for_a_while(bool byClient, bool request)
    {
        using var link = new Link();
        link.Connect();
        (Wire sender, Wire receiver) = byClient ? (link.ClientEnd, link.ServerEnd) : (link.ServerEnd, link.ClientEnd);
        for (int i = 0; i < 32; i++)
            sender.Deliver(receiver.Deliver(Update(sender, request)));
        link.Exchange();
        for (int i = 0; i < 33; i++)
            sender.Deliver(receiver.Deliver(Update(sender, request)));
        Assert.Equal(TlsErrorReason.TooManyKeyUpdates, receiver.Connection.Error?.Reason);
        Assert.Equal(AlertDescription.UnexpectedMessage, sender.Connection.Error?.Alert);
    }

    [Fact]
    public void Nothing_answers_after_a_close_notify()
    {
        using var link = new Link();
        link.Connect();
        link.ServerEnd.Shutdown();
        Assert.Empty(link.ServerEnd.Deliver(Update(link.ClientEnd, request: true)));
        link.ServerEnd.Deliver(link.ClientEnd.Write([1]));
        Assert.Equal([1], link.ServerEnd.Received);
    }

    private static byte[] Update(Wire end, bool request)
    {
        Assert.True(end.Connection.Records.TryUpdateWriteKeys(request));
        byte[] wire = new byte[100];
        Assert.Equal(PskTlsStatus.Complete, end.Connection.Flush(wire, out int written));
        return wire[..written];
    }
}
