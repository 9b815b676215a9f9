using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls12;

/// <summary>Who says what again, when and how often (RFC 6347 s4.2.4).</summary>
public class FlightTests
{
    [Theory]
    [InlineData(1000, new long[] { 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000 })]
    [InlineData(9000, new long[] { 9000, 18_000, 36_000, 60_000, 60_000, 60_000, 60_000 })]
    public void The_wait_doubles_up_to_a_minute_and_ends_after_the_last_repetition(int timer, long[] waits)
    {
        using var client = new PskDtlsClient(new PskDtlsClientOptions { Credential = Link.Credential(PskBinder.External), RetransmissionTimer = timer }, []);
        client.Continue(0);
        byte[] first = Assert.Single(Drain(client));
        long now = 0;
        for (int i = 0; i < waits.Length; i++)
        {
            Assert.Equal(now + waits[i], client.Deadline);
            Assert.Equal(PskTlsStatus.Complete, client.Tick(client.Deadline - 1));
            Assert.False(client.HasOutput);
            now = client.Deadline;
            client.Tick(now);
            if (i == waits.Length - 1)
                break;

            // The same message under a new record number.
            byte[] again = Assert.Single(Drain(client));
            Assert.Equal(i + 1, again[10]);
            Assert.Equal(first[13..], again[13..]);
        }

        Assert.Equal(TlsErrorReason.HandshakeTimedOut, client.Error?.Reason);
        Assert.False(client.HasOutput);
    }

    [Fact]
    public void A_server_whose_flight_is_lost_repeats_it_by_its_own_timer()
    {
        using var link = new VirtualLink();
        int flights = 0;
        link.Tamper = (fromClient, datagram) => !fromClient && datagram[13] == 2 && flights++ == 0 ? null : datagram;
        link.Connect();
        Assert.True(flights >= 2);
    }

    [Fact]
    public void A_lost_request_for_a_cookie_is_made_again_for_the_repeated_hello()
    {
        using var link = new VirtualLink();
        int requests = 0;
        link.Tamper = (fromClient, datagram) => !fromClient && datagram[13] == 3 && requests++ < 2 ? null : datagram;
        link.Connect();
        Assert.Equal(3, requests);
    }

    [Fact]
    public void A_cookie_that_became_too_old_on_the_way_is_followed_by_another()
    {
        using var link = new VirtualLink();
        int requests = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient && datagram[13] == 3 && requests++ == 0)
                link.Wait(130_000);
            return datagram;
        };
        link.Connect();
        Assert.True(requests >= 2);
        link.Exchange();
    }

    [Fact]
    public void The_servers_numbers_follow_those_of_the_hello_so_that_none_is_used_twice()
    {
        using var link = new VirtualLink();
        var records = new List<(byte Type, byte Record, byte Message)>();
        int lost = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient && datagram[13] == 3 && lost++ == 0)
                return null;
            if (!fromClient && datagram[4] == 0)
                records.Add((datagram[13], datagram[10], datagram[18]));
            return datagram;
        };
        link.Connect();

        // HelloVerifyRequest to the repeated hello (record 1, message 0); ServerHello to the one with the cookie (record 2, message 1).
        Assert.Equal([(3, 1, 0), (2, 2, 1)], records[..2]);
    }

    [Fact]
    public void Repeated_hellos_in_a_row_are_answered_once()
    {
        using var link = new VirtualLink();
        byte[]? hello = null;
        bool deaf = true;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 1)
                hello = datagram;
            return !fromClient && datagram[13] == 2 && deaf ? null : datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Settle();
        Assert.NotNull(link.Server);
        int sent = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            sent += fromClient ? 0 : 1;
            return fromClient ? datagram : null;
        };
        for (int i = 0; i < 50; i++)
            link.Deliver(toServer: true, hello!);
        Assert.Equal(1, sent);

        // Later it is another repetition, and the timer was not put off by any of them.
        long deadline = link.Server!.Deadline;
        link.Wait(500);
        link.Deliver(toServer: true, hello!);
        Assert.Equal((2, deadline), (sent, link.Server.Deadline));
        deaf = false;
        link.Tamper = (_, datagram) => datagram;
        link.Run(() => link.IsDone);
        Assert.True(link.IsDone);
    }

    [Fact]
    public void A_flight_that_its_timer_just_repeated_is_not_repeated_again_for_the_peers_own_repetition()
    {
        using var link = new VirtualLink();
        byte[]? hello = null;
        int sent = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 1)
                hello = datagram;
            sent += !fromClient && datagram[13] == 2 ? 1 : 0;
            return !fromClient && datagram[13] == 2 ? null : datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Settle();
        link.Wait(link.Server!.Deadline - link.Now);
        link.Server.Tick(link.Now);
        link.Send(fromClient: false);
        link.Deliver(toServer: true, hello!);
        Assert.Equal(2, sent);
    }

    [Fact]
    public void The_last_flight_is_repeated_when_the_clients_Finished_comes_again()
    {
        using var link = new VirtualLink(clientId: [1], serverId: [2]);
        int lost = 0;
        link.Tamper = (fromClient, datagram) => !fromClient && link.Server is { IsConnected: true } && lost++ < 3 ? null : datagram;
        link.Connect();
        Assert.True(lost > 3);
        link.Exchange();
    }

    [Fact]
    public void A_copy_of_the_Finished_record_does_not_bring_the_last_flight_but_a_new_one_does()
    {
        using var link = new VirtualLink();
        byte[]? flight = null;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 16)
                flight = datagram;
            return !fromClient && link.Server is { IsConnected: true } ? null : datagram;
        };
        link.Client.Continue(link.Now);
        link.Send(fromClient: true);
        link.Settle();
        Assert.True(link.Server!.IsConnected);
        Feed(link.Server, flight!, link.Now);
        Assert.False(link.Server.HasOutput);
        link.Client.Tick(link.Client.Deadline);
        byte[][] again = Drain(link.Client);
        Feed(link.Server, Assert.Single(again), link.Now + 1000);
        Assert.True(link.Server.HasOutput);
        Feed(link.Client, Assert.Single(Drain(link.Server)), link.Now + 1000);
        Assert.True(link.Client.IsConnected);
    }

    [Fact]
    public void Data_of_the_client_ends_the_keeping_of_the_last_flight_and_so_does_time()
    {
        using var link = new VirtualLink();
        link.Connect();
        Assert.Equal(240_000, link.Server!.Deadline - link.Now, 10.0);
        link.ClientWrites([1]);
        link.Settle();
        Assert.Equal(long.MaxValue, link.Server.Deadline);

        using var silent = new VirtualLink();
        silent.Connect();
        silent.Wait(240_000);
        silent.Tick();
        Assert.Equal(long.MaxValue, silent.Server!.Deadline);
        silent.Exchange();
    }

    [Fact]
    public void A_Finished_that_overtakes_its_flight_or_comes_while_the_key_is_looked_up_is_kept()
    {
        using var link = new VirtualLink { KeyDelay = 300 };
        link.Connect();
        Assert.Equal((6, 1), (link.Datagrams, link.Questions));

        // Each record in a datagram of its own, the last one first.
        using var mixed = new VirtualLink();
        mixed.Client.Continue(0);
        mixed.Send(fromClient: true);
        mixed.Tamper = (fromClient, datagram) =>
        {
            if (!fromClient || datagram[13] != 16)
                return datagram;
            byte[][] records = Split(datagram);
            Assert.Equal(3, records.Length);
            mixed.Deliver(toServer: true, records[2]);
            mixed.Deliver(toServer: true, records[0]);
            return null;
        };
        mixed.Settle();
        Assert.True(mixed.IsDone);
    }

    [Fact]
    public void Change_cipher_spec_is_not_missed()
    {
        using var link = new VirtualLink();
        link.Tamper = (_, datagram) => [.. Split(datagram).Where(record => record[0] != 20).SelectMany(record => record)];
        link.Connect();
        Assert.Equal(6, link.Datagrams);
    }

    [Fact]
    public void What_comes_too_early_is_kept_once_and_only_if_it_is_short()
    {
        using var link = new VirtualLink { KeyDelay = 300 };
        int noise = 0;
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 16 && noise++ == 0)
                return [.. datagram[..^61], .. TestDatagram.Record(22, 1, 50, new byte[600]), .. TestDatagram.Record(22, 1, 51, new byte[40])];
            return datagram;
        };
        link.Connect();
        Assert.Equal(1, link.Questions);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(300)]
    [InlineData(1232)]
    public void Every_message_is_cut_to_the_datagrams_of_its_sender(int mtu)
    {
        byte[] identity = [.. Enumerable.Repeat((byte)'i', 900)];
        var options = new PskDtlsClientOptions
        {
            Credential = new PskTlsCredential(identity, Link.Key, PskBinder.External, TlsHash.Sha256), Mtu = mtu, ServerName = new string('n', 255),
            ApplicationProtocols = [.. Enumerable.Range(0, 4).Select(_ => (ReadOnlyMemory<byte>)new byte[200])],
        };
        using var link = new VirtualLink(options, new PskDtlsServerOptions { Mtu = mtu, PskIdentityHint = new byte[1000] }, [1], [2]) { MaxDelay = 300 };
        link.Connect();
        link.Exchange();
        Assert.Equal(mtu == 1232, link.Datagrams < 12);
    }

    [Fact]
    public void A_repeated_flight_has_new_record_numbers_in_the_epochs_of_the_first()
    {
        using var link = new VirtualLink(DtlsTickets.Client());
        var flights = new List<byte[]>();
        link.Tamper = (fromClient, datagram) =>
        {
            if (fromClient && datagram[13] == 16)
                flights.Add(datagram);
            return !fromClient && datagram[4] == 0 && datagram[0] == 20 && flights.Count < 3 ? null : datagram;
        };
        link.Connect();
        Assert.Equal(3, flights.Count);
        byte[][][] records = [.. flights.Select(Split)];
        Assert.All(records, flight => Assert.Equal([(22, 0), (20, 0), (22, 1)], flight.Select(record => ((int)record[0], (int)record[4]))));
        Assert.Equal(9, records.SelectMany(flight => flight).Select(record => (record[4], record[10])).Distinct().Count());
    }

    internal static byte[][] Split(byte[] datagram)
    {
        var records = new List<byte[]>();
        for (int at = 0; at < datagram.Length;)
        {
            int length = 13 + (datagram[at + 11] << 8) + datagram[at + 12];
            records.Add(datagram[at..(at + length)]);
            at += length;
        }

        return [.. records];
    }

    internal static void Feed(PskDtlsConnection end, byte[] datagram, long now)
    {
        byte[] plaintext = new byte[datagram.Length];
        for (int at = 0; at < datagram.Length;)
        {
            end.Receive(datagram.AsSpan(at), now, plaintext, out int consumed, out int written);
            Assert.Equal(0, written);
            at += consumed;
        }
    }

    private static byte[][] Drain(PskDtlsConnection connection)
    {
        var datagrams = new List<byte[]>();
        byte[] buffer = new byte[connection.Mtu];
        while (connection.Flush(buffer, out int written))
            datagrams.Add(buffer[..written]);
        return [.. datagrams];
    }
}
