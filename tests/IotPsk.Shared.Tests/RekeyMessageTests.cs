using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public sealed class RekeyMessageTests
{
    [Fact]
    public void A_request_comes_back_as_it_was_sent() => Prop.ForAll(Samples.Bundles.ToArbitrary(), bundle =>
    {
        bundle.Clear();
        byte[] request = RekeyMessage.EncodeRequest(bundle);

        CredentialBundle read = RekeyMessage.DecodeRequest(request);

        Assert.Equal(RekeyMessage.GetRequestLength(request[0], request[1]), request.Length);
        Assert.InRange(request.Length, 3, RekeyMessage.MaxRequest);
        Assert.Equal(bundle.Encode(), read.Encode());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Whatever_is_no_request_is_refused_in_words() => Prop.ForAll(Samples.Bytes(0, 80).ToArbitrary(), bytes =>
    {
        byte[] whole = RekeyMessage.EncodeRequest(Public());
        Assert.Throws<FormatException>(() => RekeyMessage.DecodeRequest(bytes));
        Assert.Throws<FormatException>(() => RekeyMessage.DecodeRequest([.. whole, .. bytes.Append((byte)0)]));
        Assert.Throws<FormatException>(() => RekeyMessage.DecodeRequest(whole[..^(1 + (bytes.Length % (whole.Length - 1)))]));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Keys_have_no_business_in_a_request()
    {
        Assert.Throws<InvalidOperationException>(() => RekeyMessage.EncodeRequest(Samples.Bundle()));
        byte[] bundle = Samples.Bundle().Encode();
        Assert.Throws<FormatException>(() => RekeyMessage.DecodeRequest([(byte)(bundle.Length >> 8), (byte)bundle.Length, .. bundle]));
    }

    [Theory]
    [InlineData(0, 0, -1)]
    [InlineData(0, 1, 3)]
    [InlineData(8, 0, 2050)]
    [InlineData(8, 1, -1)]
    [InlineData(255, 255, -1)]
    public void Lengths_are_bounded(byte first, byte second, int expected) => Assert.Equal(expected, RekeyMessage.GetRequestLength(first, second));

    [Fact]
    public void An_answer_is_a_code_a_length_and_the_bundle()
    {
        byte[] buffer = new byte[RekeyMessage.MaxAnswer], bundle = Samples.Bundle().Encode();

        Assert.Equal(3 + bundle.Length, RekeyMessage.EncodeAnswer(RekeyCode.Granted, Samples.Bundle(), buffer));
        Assert.Equal([0, (byte)(bundle.Length >> 8), (byte)bundle.Length, .. bundle], buffer[..(3 + bundle.Length)]);
        Assert.Equal(3, RekeyMessage.EncodeAnswer(RekeyCode.TooSoon, null!, buffer));
        Assert.Equal([2, 0, 0], buffer[..3]);
        Assert.Throws<ArgumentException>(() => RekeyMessage.EncodeAnswer(RekeyCode.Granted, null!, buffer));
        Assert.Throws<ArgumentException>(() => RekeyMessage.EncodeAnswer(RekeyCode.Current, Samples.Bundle(), buffer));
        Assert.Throws<ArgumentException>(() => RekeyMessage.EncodeAnswer(RekeyCode.Granted, Samples.Bundle(), new byte[100]));
    }

    private static CredentialBundle Public()
    {
        CredentialBundle bundle = Samples.Bundle();
        bundle.Clear();
        return bundle;
    }
}
