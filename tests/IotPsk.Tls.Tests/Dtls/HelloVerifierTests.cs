using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Dtls12.Messages;
using IotPsk.Tls.Messages;
using IotPsk.Tls.Tests.Support;

namespace IotPsk.Tls.Tests.Dtls;

public class HelloVerifierTests
{
    private static readonly byte[] Address = [127, 0, 0, 1, 0x16, 0x34];

    private readonly HelloVerifier _verifier = new();
    private readonly byte[] _answer = new byte[HelloVerifier.MaxAnswerLength];

    [Fact]
    public void A_hello_without_a_cookie_is_answered_by_a_shorter_request_with_the_hellos_own_numbers()
    {
        byte[] hello = Hello([], messageSequence: 3, recordSequence: 0x0102_0304_0506);
        Assert.Equal(HelloVerdict.Answer, Verify(hello, out byte[] answer));
        Assert.True(answer.Length < hello.Length);

        // RFC 6347 s4.2.1: version 1.0, the record's and the message's own numbers.
        Assert.Equal([22, 0xfe, 0xff, 0, 0, 1, 2, 3, 4, 5, 6, 0, (byte)(answer.Length - 13)], answer[..13]);
        Assert.Equal([3, 0, 0, (byte)(answer.Length - 25), 0, 3, 0, 0, 0, 0, 0, (byte)(answer.Length - 25)], answer[13..25]);
        Assert.True(HelloVerifyRequest.TryParse(answer.AsSpan(25), out ReadOnlySpan<byte> cookie));
        Assert.Equal(17, cookie.Length);
    }

    [Fact]
    public void The_cookie_is_good_for_the_address_random_and_session_id_it_was_made_for()
    {
        byte[] cookie = Cookie(Hello([]));
        Assert.Equal(HelloVerdict.Accept, Verify(Hello(cookie, messageSequence: 1), out byte[] answer));
        Assert.Empty(answer);
        Assert.Equal(HelloVerdict.Answer, Verify(Hello(cookie), out _, address: [127, 0, 0, 2, 0x16, 0x34]));
        Assert.Equal(HelloVerdict.Answer, Verify(Hello(cookie), out _, address: [.. Address, 0]));
        Assert.Equal(HelloVerdict.Answer, Verify(Hello(cookie, random: 8), out _));
        Assert.Equal(HelloVerdict.Answer, Verify(Hello(cookie, sessionId: [1, 2, 3]), out _));
        byte[] other = Hello(cookie);
        other[26] = 0xff;
        Assert.Equal(HelloVerdict.Answer, Verify(other, out _));
    }

    [Fact]
    public void Every_changed_bit_of_a_cookie_makes_it_wrong() => Prop.ForAll<PositiveInt>(bit =>
    {
        byte[] cookie = Cookie(Hello([]));
        cookie[bit.Get / 8 % cookie.Length] ^= (byte)(1 << (bit.Get % 8));
        return Verify(Hello(cookie), out _) == HelloVerdict.Answer;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(0, HelloVerdict.Accept)]
    [InlineData(59_999, HelloVerdict.Accept)]
    [InlineData(60_000, HelloVerdict.Accept)]
    [InlineData(119_999, HelloVerdict.Accept)]
    [InlineData(120_000, HelloVerdict.Answer)]
    [InlineData(10_000_000, HelloVerdict.Answer)]
    public void A_cookie_is_good_while_its_secret_is_the_current_one_or_the_one_before(long later, HelloVerdict verdict)
    {
        byte[] cookie = Cookie(Hello([]), now: 5);
        Assert.Equal(verdict, Verify(Hello(cookie), out byte[] answer, now: 5 + later));
        if (verdict == HelloVerdict.Answer)
            Assert.Equal(HelloVerdict.Accept, Verify(Hello(answer[28..]), out _, now: 6 + later));
    }

    [Fact]
    public void A_secret_that_was_followed_by_another_two_is_gone()
    {
        byte[] cookie = Cookie(Hello([]), now: 0);
        Assert.Equal(HelloVerdict.Accept, Verify(Hello(cookie), out _, now: 60_000));
        Assert.Equal(HelloVerdict.Answer, Verify(Hello(cookie), out _, now: 120_000));
    }

    [Fact]
    public void The_first_fragment_is_judged_alone_and_later_ones_are_dropped()
    {
        byte[] body = [.. TestDatagram.HelloBody([]), .. new byte[500]];
        Assert.Equal(HelloVerdict.Answer, Verify(TestDatagram.Fragment(1, 0, body, 0, 200), out byte[] answer));
        byte[] again = [.. TestDatagram.HelloBody(answer[28..]), .. new byte[500]];
        Assert.Equal(HelloVerdict.Accept, Verify(TestDatagram.Fragment(1, 1, again, 0, 200), out _));
        Assert.Equal(HelloVerdict.Drop, Verify(TestDatagram.Fragment(1, 1, again, 1, 200), out _));
        Assert.Equal(HelloVerdict.Drop, Verify(TestDatagram.Fragment(1, 1, again, 200, 200), out _));

        // A fragment that does not reach beyond the cookie cannot be judged.
        Assert.Equal(HelloVerdict.Drop, Verify(TestDatagram.Fragment(1, 1, again, 0, 50), out _));
    }

    [Fact]
    public void What_is_no_hello_is_dropped_in_silence()
    {
        byte[] hello = Hello([]);
        foreach (byte[] noise in (byte[][])[[], [22], hello[..12], hello[..^1], [20, .. hello[1..]], [25, .. hello[1..]], TestDatagram.Record(22, 0, 0), TestDatagram.Record(22, 1, 0, hello[13..])])
            Assert.Equal(HelloVerdict.Drop, Verify(noise, out _));
        byte[] tls = [.. hello];
        tls[1] = 3;
        Assert.Equal(HelloVerdict.Drop, Verify(tls, out _));
        Assert.Equal(HelloVerdict.Drop, Verify(TestDatagram.Fragment(2, 0, TestDatagram.HelloBody([])), out _));
        Assert.Equal(HelloVerdict.Drop, Verify(Hello([], sessionId: new byte[33]), out _));
        Assert.Equal(HelloVerdict.Drop, Verify(Hello([], recordSequence: (1UL << 48) - 1), out _));
        Assert.Equal(HelloVerdict.Drop, Verify(Hello([], messageSequence: 0xffff), out _));
        byte[] old = TestDatagram.HelloBody([]);
        old[0] = 3;
        Assert.Equal(HelloVerdict.Drop, Verify(TestDatagram.Fragment(1, 0, old), out _));
    }

    [Fact]
    public void Random_bytes_are_dropped_or_answered_and_never_accepted() => Prop.ForAll<byte[], bool>((bytes, framed) =>
        Verify(framed ? TestDatagram.Record(22, 0, 0, bytes) : bytes, out _) == HelloVerdict.Drop).QuickCheckThrowOnFailure();

    [Fact]
    public void A_hello_of_DTLS_1_0_records_is_taken_like_any_other()
    {
        byte[] hello = Hello([]);
        hello[2] = 0xff;
        Assert.Equal(HelloVerdict.Answer, Verify(hello, out _));
    }

    [Fact]
    [Trait(Needs.Name, Needs.LibCrypto)]
    public void A_flood_of_hellos_allocates_nothing()
    {
        byte[] fresh = Hello([]), guessed = Hello([0, .. new byte[16]]), right = Hello(Cookie(Hello([])));
        for (int i = 0; i < 100; i++)
            Flood();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
            Flood();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Flood()
        {
            _verifier.Verify(fresh, Address, 0, _answer, out _);
            _verifier.Verify(guessed, Address, 0, _answer, out _);
            _verifier.Verify(right, Address, 0, _answer, out _);
        }
    }

    [Fact]
    public async Task Threads_share_one_verifier_across_a_change_of_secrets()
    {
        Task<bool>[] threads = [.. Enumerable.Range(0, 4).Select(number => Task.Run(() =>
        {
            byte[] answer = new byte[HelloVerifier.MaxAnswerLength];
            for (int i = 0; i < 2000; i++)
            {
                long now = i * 100L;
                if (_verifier.Verify(Hello([], random: (byte)number), Address, now, answer, out int written) != HelloVerdict.Answer ||
                    _verifier.Verify(Hello(answer[28..written], random: (byte)number), Address, now, answer, out _) == HelloVerdict.Drop)
                    return false;
            }

            return true;
        }))];
        Assert.All(await Task.WhenAll(threads), Assert.True);
    }

    [Fact]
    public void A_caller_hears_of_buffers_that_do_not_fit()
    {
        Assert.Throws<ArgumentException>(() => _verifier.Verify(Hello([]), new byte[33], 0, _answer, out _));
        Assert.Throws<ArgumentException>(() => _verifier.Verify(Hello([]), Address, 0, new byte[HelloVerifier.MaxAnswerLength - 1], out _));
    }

    [Fact]
    public void A_request_reads_back_and_no_shorter_or_longer_one_does() => Prop.ForAll<byte[]>(cookie =>
    {
        byte[] buffer = new byte[HelloVerifyRequest.MaxBodyLength];
        var writer = new WireWriter(buffer);
        HelloVerifyRequest.WriteBody(ref writer, cookie);
        byte[] body = writer.Written.ToArray();
        return HelloVerifyRequest.TryParse(body, out ReadOnlySpan<byte> back) && back.SequenceEqual(cookie) && !HelloVerifyRequest.TryParse([.. body, 0], out _) &&
            !HelloVerifyRequest.TryParse(body.AsSpan(0, body.Length - 1), out _);
    }).QuickCheckThrowOnFailure();

    private static byte[] Hello(byte[] cookie, ushort messageSequence = 0, ulong recordSequence = 0, byte random = 7, byte[]? sessionId = null) =>
        TestDatagram.Fragment((byte)HandshakeType.ClientHello, messageSequence, TestDatagram.HelloBody(cookie, random, sessionId), recordSequence: recordSequence);

    private byte[] Cookie(byte[] hello, long now = 0)
    {
        Assert.Equal(HelloVerdict.Answer, Verify(hello, out byte[] answer, now));
        return answer[28..];
    }

    private HelloVerdict Verify(byte[] datagram, out byte[] answer, long now = 0, byte[]? address = null)
    {
        HelloVerdict verdict = _verifier.Verify(datagram, address ?? Address, now, _answer, out int written);
        answer = _answer[..written];
        return verdict;
    }
}
